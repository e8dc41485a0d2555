import type { LoggedEvent } from '../../domain/event.ts';
import type { LiveSession } from '../../domain/session.ts';
import type { EventPage, EventQuery } from '../../ports/event-log.ts';
import type { RecordItem, Tables } from './entities.ts';
import { loadPayload } from './event-payload.ts';
import { recordsAfter } from './event-records.ts';
import { assertStored } from './session-items.ts';

const LOOKS = 5;

/**
 * One page. A query of DynamoDB is no snapshot: it may pass the place of n just before n is put, and then find
 * n+1. So a hole is believed only before a record that was seen by an *earlier* look: whoever put that record
 * had seen the one before it, which is then gone for good, trimmed or expired.
 */
export async function readPage(
  tables: Tables,
  { ref }: LiveSession,
  query: EventQuery,
  now: number,
): Promise<EventPage> {
  const { after, limit } = query;
  let seen = 0;
  for (let look = 0; look < LOOKS; look += 1) {
    const [, records] = await Promise.all([
      assertStored(tables, ref, now),
      recordsAfter(tables, ref, query, now),
    ]);
    if (records.length === 0) break;
    const events = await eventsOf(tables, unbroken(records, after, seen), after, limit);
    const first = events?.[0]?.sequence;
    if (events !== undefined && first !== undefined) {
      return { events, gap: first > after + 1 ? { from: after + 1, to: first - 1 } : undefined };
    }
    seen = records.reduce((highest, record) => Math.max(highest, record.first), 0);
  }
  return { events: [], gap: undefined };
}

/** The records after the last believed hole, up to the first one that is not believed. */
function unbroken(records: readonly RecordItem[], after: number, seen: number): RecordItem[] {
  let run: RecordItem[] = [];
  let next = after + 1;
  for (const record of records) {
    if (record.first > next) {
      if (record.first > seen) break;
      run = [];
    }
    run.push(record);
    next = record.last + 1;
  }
  return run;
}

/** `undefined` where a record's parts are gone. */
async function eventsOf(
  tables: Tables,
  records: readonly RecordItem[],
  after: number,
  limit: number,
): Promise<LoggedEvent[] | undefined> {
  const events: LoggedEvent[] = [];
  for (const record of records) {
    if (events.length >= limit) break;
    const texts = await loadPayload(tables, record);
    if (texts === undefined) return undefined;
    for (const [index, data] of texts.entries()) {
      const sequence = record.first + index;
      if (sequence <= after || events.length >= limit) continue;
      events.push({ sequence, data, end: record.end && sequence === record.last });
    }
  }
  return events;
}
