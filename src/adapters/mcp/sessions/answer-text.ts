import type { JsonRpcId } from '../../../ports/mcp-endpoint.ts';
import { errorResponse, INTERNAL_ERROR, type JsonRpcResponse } from '../jsonrpc.ts';

/** A result that JSON has no words for, such as one that contains itself, is answered with an error. */
export function answerText(answer: JsonRpcResponse): string {
  try {
    return JSON.stringify(answer);
  } catch {
    return unkeptAnswerText(answer.id ?? '');
  }
}

/** In place of an answer that cannot be kept. */
export function unkeptAnswerText(id: JsonRpcId): string {
  return JSON.stringify(errorResponse(id, INTERNAL_ERROR, 'The result of this call cannot be sent as JSON.'));
}
