import { requestIdOf } from '../../../domain/request-id.ts';
import type { McpReply } from '../../../ports/mcp-endpoint.ts';
import { classify, type Incoming, type JsonRpcRequest } from '../jsonrpc.ts';
import { refused } from '../refusal.ts';

/** Messages of one batch at most. */
const BATCH_MESSAGES = 100;

export interface PostBody {
  readonly messages: readonly Incoming[];
  readonly isBatch: boolean;
  /** If the body is an `initialize` request; a batch never is. */
  readonly initialize: JsonRpcRequest | undefined;
}

/** The messages of one POST, or why they are refused. */
export function readPostBody(body: unknown): PostBody | { readonly refusal: McpReply } {
  const isBatch = Array.isArray(body);
  if (isBatch && (body.length === 0 || body.length > BATCH_MESSAGES)) {
    return { refusal: refused('invalid_message', `a batch must hold 1 to ${BATCH_MESSAGES} messages`) };
  }
  const messages: Incoming[] = [];
  for (const value of isBatch ? body : [body]) {
    const message = classify(value);
    if (message.kind === 'invalid') {
      return { refusal: refused('invalid_message', message.problem, requestIdOf(body)) };
    }
    messages.push(message);
  }
  const initialize = messages.find(isInitialize)?.message;
  if (initialize !== undefined && isBatch) {
    return { refusal: refused('invalid_message', 'initialize must not be part of a batch') };
  }
  return { messages, isBatch, initialize };
}

function isInitialize(incoming: Incoming): incoming is Extract<Incoming, { kind: 'request' }> {
  return incoming.kind === 'request' && incoming.message.method === 'initialize';
}
