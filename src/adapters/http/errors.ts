import { randomUUID } from 'node:crypto';
import type { ErrorCode } from '../../domain/errors.ts';
import type { JsonRpcId, ProtocolProblem } from '../../ports/mcp-endpoint.ts';

/** What is wrong with a request before it is a message. */
export type HttpProblem =
  | 'host_not_allowed'
  | 'origin_not_allowed'
  | 'not_acceptable'
  | 'unsupported_media_type'
  | 'header_too_large'
  | 'headers_too_large'
  | 'malformed_request'
  | 'request_timeout'
  | 'body_too_large'
  | 'parse_error'
  | 'method_not_allowed'
  | 'internal';

export type Problem = ErrorCode | ProtocolProblem | HttpProblem;

interface Answer {
  readonly status: 400 | 401 | 403 | 404 | 405 | 406 | 408 | 409 | 413 | 415 | 429 | 431 | 500 | 503;
  /** JSON-RPC 2.0 §5.1, and -32000 to -32099 as this server uses them. */
  readonly code: number;
  readonly headers?: Readonly<Record<string, string>>;
}

const RETRY_SOON = { 'Retry-After': '1' };

/** The one place where errors become HTTP statuses and JSON-RPC codes. */
const ANSWERS: Readonly<Record<Problem, Answer>> = {
  parse_error: { status: 400, code: -32_700 },
  invalid_message: { status: 400, code: -32_600 },
  session_id_required: { status: 400, code: -32_000 },
  unsupported_protocol_version: { status: 400, code: -32_000 },
  unknown_event_id: { status: 400, code: -32_000 },
  token_required: { status: 401, code: -32_000 },
  invalid_token: { status: 401, code: -32_000 },
  insufficient_scope: { status: 403, code: -32_000 },
  host_not_allowed: { status: 403, code: -32_000 },
  origin_not_allowed: { status: 403, code: -32_000 },
  session_not_found: { status: 404, code: -32_001 },
  method_not_allowed: { status: 405, code: -32_000 },
  not_acceptable: { status: 406, code: -32_000 },
  // What was not read of the body would be taken for the next request.
  body_too_large: { status: 413, code: -32_000, headers: { Connection: 'close' } },
  unsupported_media_type: { status: 415, code: -32_000 },
  invalid_argument: { status: 400, code: -32_602 },
  limit_exceeded: { status: 400, code: -32_602 },
  // Not 400, which has clients of several revisions try again in the manner of the oldest.
  quota_exceeded: { status: 429, code: -32_000 },
  instance_full: { status: 503, code: -32_000, headers: RETRY_SOON },
  header_too_large: { status: 400, code: -32_000 },
  headers_too_large: { status: 431, code: -32_000, headers: { Connection: 'close' } },
  malformed_request: { status: 400, code: -32_000, headers: { Connection: 'close' } },
  request_timeout: { status: 408, code: -32_000, headers: { Connection: 'close' } },
  version_conflict: { status: 409, code: -32_000 },
  session_exists: { status: 409, code: -32_000 },
  stream_ended: { status: 409, code: -32_000 },
  outcome_unknown: { status: 409, code: -32_000 },
  stopping: { status: 503, code: -32_000, headers: RETRY_SOON },
  issuer_unavailable: { status: 503, code: -32_000, headers: RETRY_SOON },
  store_unavailable: { status: 503, code: -32_000, headers: RETRY_SOON },
  store_not_set_up: { status: 503, code: -32_000, headers: RETRY_SOON },
  internal: { status: 500, code: -32_603 },
};

/** A response that says what was wrong, as a JSON-RPC error. */
export function errorResponse(problem: Problem, message: string, requestId?: JsonRpcId): Response {
  const { status, code, headers } = ANSWERS[problem];
  const body = { jsonrpc: '2.0', id: requestId ?? null, error: { code, message, data: { reason: problem } } };
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
  });
}

/** Answers an error that nobody foresaw: with a reference only, under which `onBug` is told of it. */
export function bugResponse(
  error: unknown,
  onBug: (error: unknown, reference: string) => void,
  requestId?: JsonRpcId,
): Response {
  const reference = randomUUID();
  onBug(error, reference);
  return errorResponse('internal', `Internal error. Reference: ${reference}`, requestId);
}

/** A request that is refused before it reaches the endpoint. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  readonly problem: HttpProblem;

  constructor(problem: HttpProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}
