import type { EventQuery } from '../../ports/event-log.ts';
import { MAX_SEQUENCE, type RecordItem, recordKey, type Tables } from './entities.ts';
import { partKeys } from './event-payload.ts';
import { deleteKeys } from './partition.ts';

/** The newest record of a stream, expired ones included. */
export async function newestRecord(
  tables: Tables,
  ref: string,
  stream: string,
): Promise<RecordItem | undefined> {
  const { data } = await tables.records.query
    .primary({ ref, stream })
    .between({ first: 1 }, { first: MAX_SEQUENCE })
    .go({ order: 'desc', limit: 1, consistent: true });
  return data[0];
}

/** Records that have not expired, from the one that holds the event after `after` on, with `limit` events. */
export async function recordsAfter(
  tables: Tables,
  ref: string,
  { stream, after, limit }: EventQuery,
  now: number,
): Promise<RecordItem[]> {
  const found: RecordItem[] = [];
  let events = 0;
  let cursor: string | null = null;
  do {
    const page: { data: RecordItem[]; cursor: string | null } = await tables.records.query
      .primary({ ref, stream })
      .between({ first: after + 1 }, { first: MAX_SEQUENCE })
      .go({ consistent: true, cursor, limit });
    // DynamoDB removes expired items days later: until then they must not fill the page.
    const live = page.data.filter(({ expiresAt }) => expiresAt > now);
    found.push(...live);
    for (const { first, last } of live) events += last - first + 1;
    cursor = page.cursor;
  } while (cursor !== null && events < limit);
  if (after > 0 && found[0]?.first !== after + 1) {
    // A record is named by its first event: the next one may be in the middle of an earlier record.
    const { data } = await tables.records.query
      .primary({ ref, stream })
      .between({ first: 1 }, { first: after })
      .go({ order: 'desc', limit: 1, consistent: true });
    const covering = data[0];
    if (covering !== undefined && covering.last > after && covering.expiresAt > now) found.unshift(covering);
  }
  return found;
}

/** Deletes the records that hold nothing later than `sequence`. */
export async function trimRecords(
  tables: Tables,
  ref: string,
  stream: string,
  sequence: number,
): Promise<void> {
  const { data } = await tables.records.query
    .primary({ ref, stream })
    .between({ first: 1 }, { first: sequence })
    .go({
      consistent: true,
      pages: 'all',
      attributes: ['ref', 'stream', 'first', 'last', 'appendId', 'parts'],
      ignoreOwnership: true,
    });
  const past = data.filter(({ last }) => last <= sequence);
  // Records first: an event whose parts are gone must not be there to be read.
  await deleteKeys(
    tables,
    tables.eventsTable,
    past.map((record) => recordKey(tables, record)),
  );
  await deleteKeys(
    tables,
    tables.eventsTable,
    past.flatMap((record) => partKeys(tables, record)),
  );
}
