import { isRequestId, REQUEST_ID_CHARACTERS } from '../../domain/request-id.ts';
import type { JsonRpcId } from '../../ports/mcp-endpoint.ts';

export interface JsonRpcRequest {
  readonly jsonrpc: '2.0';
  readonly id: JsonRpcId;
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

export interface JsonRpcNotification {
  readonly jsonrpc: '2.0';
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

export interface JsonRpcResult {
  readonly jsonrpc: '2.0';
  readonly id: JsonRpcId;
  readonly result: Readonly<Record<string, unknown>>;
}

export interface JsonRpcError {
  readonly jsonrpc: '2.0';
  readonly id?: JsonRpcId;
  readonly error: { readonly code: number; readonly message: string; readonly data?: unknown };
}

export type JsonRpcResponse = JsonRpcResult | JsonRpcError;

/** Numbers that JavaScript rounds would be answered as others. */
export const REQUEST_ID_RULE = `id must be a whole number of at most ±(2^53 - 1), or a string of at most ${REQUEST_ID_CHARACTERS} characters`;

const REQUEST_MEMBERS = ['jsonrpc', 'id', 'method', 'params'];
const RESULT_MEMBERS = ['jsonrpc', 'id', 'result'];
const ERROR_MEMBERS = ['jsonrpc', 'id', 'error'];

/** JSON-RPC 2.0 §5.1. */
export const INVALID_PARAMS = -32_602;
export const INTERNAL_ERROR = -32_603;

/** A message by what it is, checked as far as the protocol's base demands. */
export type Incoming =
  | { readonly kind: 'request'; readonly message: JsonRpcRequest }
  | { readonly kind: 'notification'; readonly message: JsonRpcNotification }
  | { readonly kind: 'response'; readonly message: JsonRpcResponse };

/**
 * Tells what a parsed JSON value is, or what is wrong with it (JSON-RPC 2.0 §4 and §5, narrowed by MCP: params
 * are an object, ids are strings or whole numbers and never null).
 */
export function classify(value: unknown): Incoming | { readonly kind: 'invalid'; readonly problem: string } {
  if (!isObject(value)) return invalid('a message must be a JSON object');
  if (value['jsonrpc'] !== '2.0') return invalid('jsonrpc must be "2.0"');
  const members = membersOf(value);
  if (Object.keys(value).some((member) => !members.includes(member))) {
    return invalid(`a message like this has the members ${members.join(', ')} and no others`);
  }
  if ('method' in value) {
    if (typeof value['method'] !== 'string') return invalid('method must be a string');
    const problem = problemOfParams(value['params']);
    if (problem !== undefined) return invalid(problem);
    if (!('id' in value)) {
      return { kind: 'notification', message: value as unknown as JsonRpcNotification };
    }
    if (!isRequestId(value['id'])) {
      return invalid(REQUEST_ID_RULE);
    }
    return { kind: 'request', message: value as unknown as JsonRpcRequest };
  }
  const hasResult = 'result' in value;
  if (hasResult === 'error' in value)
    return invalid('a message must have a method, or a result, or an error');
  if (hasResult ? !isRequestId(value['id']) : 'id' in value && !isRequestId(value['id'])) {
    return invalid('id must be that of the request that is answered');
  }
  if (hasResult ? !isObject(value['result']) : !isErrorObject(value['error'])) {
    return invalid(
      hasResult ? 'result must be an object' : 'error must be an object with a code and a message',
    );
  }
  return { kind: 'response', message: value as unknown as JsonRpcResponse };
}

/** What a message may hold, by what it is. One that holds more, the SDK would drop without an answer. */
function membersOf(message: Readonly<Record<string, unknown>>): readonly string[] {
  if ('method' in message) return REQUEST_MEMBERS;
  return 'result' in message ? RESULT_MEMBERS : ERROR_MEMBERS;
}

/** What the SDK would drop without an answer (2025-11-25, Basic, `_meta`, and Progress). */
function problemOfParams(params: unknown): string | undefined {
  if (params === undefined) return undefined;
  if (!isObject(params)) return 'params must be an object';
  const meta = params['_meta'];
  if (meta === undefined) return undefined;
  if (!isObject(meta)) return 'params._meta must be an object';
  const token = meta['progressToken'];
  const isToken = token === undefined || typeof token === 'string' || Number.isInteger(token);
  return isToken ? undefined : 'params._meta.progressToken must be a string or a whole number';
}

export function errorResponse(id: JsonRpcId, code: number, message: string): JsonRpcError {
  return { jsonrpc: '2.0', id, error: { code, message } };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isErrorObject(error: unknown): boolean {
  return isObject(error) && Number.isSafeInteger(error['code']) && typeof error['message'] === 'string';
}

function invalid(problem: string): { readonly kind: 'invalid'; readonly problem: string } {
  return { kind: 'invalid', problem };
}
