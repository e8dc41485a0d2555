import { SessionNotFound, StreamEnded } from '../../../domain/errors.ts';
import type { StreamHandle } from '../../../domain/stream-handle.ts';
import type { StreamRecord } from '../../../domain/stream-record.ts';
import type { Streams } from '../../../domain/streams.ts';
import { errorResponse } from '../jsonrpc.ts';

const OWNER_DIED = -32_000;

/**
 * Declares the instance that runs a call dead, by ending the call's stream with an error for each of its
 * requests. If the instance lives after all, it can append nothing more, so that no call ever has
 * two outcomes; and of several that declare it dead one does.
 *
 * @throws StoreUnavailable
 */
export async function fence(streams: Streams, stream: StreamHandle): Promise<void> {
  try {
    const newest = await streams.newest(stream);
    // A stream that has not ended has none of its answers yet, so all of its requests wait for one.
    const requests = newest?.record.requests ?? [];
    const records = requests.map((id): StreamRecord => {
      const message = 'the instance running this call stopped; call again';
      return {
        kind: 'message',
        message: JSON.stringify(errorResponse(id, OWNER_DIED, message)),
        requests,
        at: streams.options.clock.now(),
      };
    });
    if (records.length === 0) records.push({ kind: 'alive', requests });
    await streams.append(stream, records, true);
  } catch (error) {
    // It has come to an end by itself, or by another's hand.
    if (!(error instanceof StreamEnded || error instanceof SessionNotFound)) throw error;
  }
}
