/** The id of a JSON-RPC request (JSON-RPC 2.0 §4, narrowed by MCP: a string or a whole number, never null). */
export type RequestId = string | number;

/** Longest string id: it is echoed, and an id is no place for data. */
export const REQUEST_ID_CHARACTERS = 1_024;

export function isRequestId(id: unknown): id is RequestId {
  return typeof id === 'string' ? id.length <= REQUEST_ID_CHARACTERS : Number.isSafeInteger(id);
}

/** The id of whatever this is, if it is a request, to put it into the error that answers it. */
export function requestIdOf(message: unknown): RequestId | undefined {
  if (typeof message !== 'object' || message === null || !('method' in message)) return undefined;
  return 'id' in message && isRequestId(message.id) ? message.id : undefined;
}
