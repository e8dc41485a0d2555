import { isRequestId } from '../../../domain/request-id.ts';
import type { JsonRpcNotification } from '../jsonrpc.ts';

/** Longest text of progress that goes along with its numbers. */
const PROGRESS_MESSAGE_CHARACTERS = 1_024;

/**
 * A client's cancellation as another instance needs it: without the reason, whose length nothing bounds.
 * @returns `undefined` where it names no request that there can be
 */
export function cancellationToForward({
  method,
  params,
}: JsonRpcNotification): JsonRpcNotification | undefined {
  const requestId = params?.['requestId'];
  return isRequestId(requestId) ? { jsonrpc: '2.0', method, params: { requestId } } : undefined;
}

/**
 * A client's progress as another instance needs it: the fields that the protocol knows, and a text that is not too long.
 * @returns `undefined` where it says nothing of how far the request is
 */
export function progressToForward({
  method,
  params = {},
}: JsonRpcNotification): JsonRpcNotification | undefined {
  const { progressToken, progress, total, message } = params;
  if (!Number.isFinite(progress)) return undefined;
  const isShort = typeof message === 'string' && message.length <= PROGRESS_MESSAGE_CHARACTERS;
  return {
    jsonrpc: '2.0',
    method,
    params: {
      progressToken,
      progress,
      ...(Number.isFinite(total) ? { total } : {}),
      ...(isShort ? { message } : {}),
    },
  };
}
