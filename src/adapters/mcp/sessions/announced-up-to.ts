import type { StreamHandle } from '../../../domain/stream-handle.ts';
import type { StreamRecord } from '../../../domain/stream-record.ts';
import type { Streams } from '../../../domain/streams.ts';

/** Who writes announcements of changes, whichever instance does: readers know a repeated one again by its number. */
export const ANNOUNCER = 'changes';

const PAGE = 32;

/**
 * Up to which change the stream has all that is due to it: announcements have the changes' numbers and are appended
 * in their order, and marks of connections say how far it was then.
 *
 * @returns 0 where what told it is no longer kept; `undefined` where no connection was ever to be told of changes
 * @throws SessionNotFound, StoreUnavailable
 */
export async function announcedUpTo(streams: Streams, stream: StreamHandle): Promise<number | undefined> {
  let upTo = await streams.lastSequence(stream);
  while (upTo > 0) {
    const after = Math.max(0, upTo - PAGE);
    const { records, gap } = await streams.read(stream, after, upTo - after);
    const found = records.flatMap(({ record }) => numberOf(record) ?? []);
    if (found.length > 0) return Math.max(...found);
    if (gap !== undefined) return 0;
    upTo = after;
  }
  return undefined;
}

function numberOf(record: StreamRecord): number | undefined {
  if (record.kind === 'open') return record.announcedUpTo;
  return record.kind === 'message' && record.writer === ANNOUNCER ? record.number : undefined;
}
