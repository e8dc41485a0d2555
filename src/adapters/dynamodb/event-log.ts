import { randomUUID } from 'node:crypto';
import { SessionNotFound, StoreUnavailable, StreamEnded } from '../../domain/errors.ts';
import type { LiveSession } from '../../domain/session.ts';
import type { EventAppend, EventLog, EventPage, EventQuery } from '../../ports/event-log.ts';
import { type RecordItem, recordKey, type Tables, ttlOf } from './entities.ts';
import { domainError, inDomainErrors } from './errors.ts';
import { readPage } from './event-page.ts';
import { type Payload, partKeys, storePayload } from './event-payload.ts';
import { newestRecord, trimRecords } from './event-records.ts';
import { deleteKeys } from './partition.ts';
import { pause } from './pause.ts';
import { Serial } from './serial.ts';
import { assertStored } from './session-items.ts';

/** A stream is trimmed when its sequence passes a multiple of this, so it holds up to this many more events. */
export const TRIM_EVERY = 32;

/** For how long an appender tries again that loses to those of other instances. */
const PATIENCE_MS = 20_000;

/** A claim that took longer than this may have met a stream that others have filled and trimmed meanwhile. */
const LATE_MS = 1_000;

/**
 * One append is one record: an item named by the first sequence that it covers, and put only if there is none
 * of that name. Whoever puts n+1 has seen n before and knows that n is no end; so sequences are dense, become
 * visible in order, and nothing follows an end.
 */
export class DynamodbEventLog implements EventLog {
  readonly #tables: Tables;
  readonly #onError: (error: unknown) => void;
  readonly #turns = new Serial();

  constructor(tables: Tables, onError: (error: unknown) => void) {
    this.#tables = tables;
    this.#onError = onError;
  }

  append(session: LiveSession, append: EventAppend, now: number): Promise<number> {
    return this.#turns.run(`${session.ref}/${append.stream}`, () =>
      inDomainErrors(() => this.#append(session, append, now)),
    );
  }

  read(session: LiveSession, query: EventQuery, now: number): Promise<EventPage> {
    return inDomainErrors(() => readPage(this.#tables, session, query, now));
  }

  lastSequence(session: LiveSession, stream: string, now: number): Promise<number> {
    return inDomainErrors(async () => {
      const newest = await this.#newestInSession(session, stream, now);
      return newest !== undefined && newest.expiresAt > now ? newest.last : 0;
    });
  }

  async #append(session: LiveSession, append: EventAppend, now: number): Promise<number> {
    const deadline = performance.now() + PATIENCE_MS;
    let draft = newDraft();
    for (let attempt = 0; performance.now() < deadline; attempt += 1) {
      const askedAt = performance.now();
      const newest = await this.#end(session, append, draft, now);
      draft.payload ??= await storePayload(this.#tables, session, append, draft.appendId);
      const record = recordOf(session, append, newest, draft.appendId, draft.payload);
      if (await this.#claim(record)) {
        if (performance.now() - askedAt < LATE_MS || (await this.#isKept(record, append.keep))) {
          await this.#trim(record, append.keep);
          return record.last;
        }
        await this.#delete(record);
        draft = newDraft();
      }
      await pause(attempt);
    }
    throw new StoreUnavailable({ cause: new Error('other appenders took every sequence of the stream') });
  }

  /** The record to append to. Where nothing can be appended any more, parts stored before are deleted. */
  async #end(
    session: LiveSession,
    { stream }: EventAppend,
    { appendId, payload }: Draft,
    now: number,
  ): Promise<RecordItem | undefined> {
    try {
      const newest = await this.#newestInSession(session, stream, now);
      if (newest?.end === true) throw new StreamEnded();
      return newest;
    } catch (error) {
      if (error instanceof StreamEnded || error instanceof SessionNotFound) {
        await this.#delete({ ref: session.ref, appendId, ...payload });
      }
      throw error;
    }
  }

  /** True also for a claim that the SDK had to send twice, and that then met itself. */
  async #claim(record: RecordItem): Promise<boolean> {
    const { records } = this.#tables;
    const { rejected, data } = await records
      .create(record)
      .go({ response: 'none', returnOnConditionCheckFailure: 'all_old' });
    if (!rejected) return true;
    const { ref, stream, first, appendId } = record;
    // Not every engine tells what was in the way.
    const winner = data ?? (await records.get({ ref, stream, first }).go({ consistent: true })).data;
    return winner?.appendId === appendId;
  }

  /** False if the record lies where its stream has been trimmed: its sequence was given to another before. */
  async #isKept({ ref, stream, last }: RecordItem, keep: number): Promise<boolean> {
    const newest = await newestRecord(this.#tables, ref, stream);
    return newest !== undefined && newest.last - last < keep;
  }

  async #trim({ ref, stream, first, last }: RecordItem, keep: number): Promise<void> {
    if (Math.floor(last / TRIM_EVERY) === Math.floor((first - 1) / TRIM_EVERY) || last <= keep) return;
    // The events are stored, and the next to trim catches up on what is left.
    await trimRecords(this.#tables, ref, stream, last - keep).catch((error: unknown) =>
      this.#onError(domainError(error)),
    );
  }

  async #delete(record: Pick<RecordItem, 'ref' | 'appendId' | 'parts'> & Partial<RecordItem>): Promise<void> {
    const { stream, first, ref } = record;
    const keys = partKeys(this.#tables, record);
    if (stream !== undefined && first !== undefined) {
      keys.unshift(recordKey(this.#tables, { ref, stream, first }));
    }
    await deleteKeys(this.#tables, this.#tables.eventsTable, keys).catch((error: unknown) =>
      this.#onError(domainError(error)),
    );
  }

  async #newestInSession({ ref }: LiveSession, stream: string, now: number): Promise<RecordItem | undefined> {
    const [, newest] = await Promise.all([
      assertStored(this.#tables, ref, now),
      newestRecord(this.#tables, ref, stream),
    ]);
    return newest;
  }
}

/** An append that has not found its place yet. */
interface Draft {
  readonly appendId: string;
  payload: Payload | undefined;
}

function newDraft(): Draft {
  return { appendId: randomUUID(), payload: undefined };
}

function recordOf(
  { ref }: LiveSession,
  { stream, data, end, expiresAt }: EventAppend,
  newest: RecordItem | undefined,
  appendId: string,
  payload: Payload,
): RecordItem {
  const first = (newest?.last ?? 0) + 1;
  return {
    ref,
    stream,
    first,
    last: first + data.length - 1,
    end: end === true,
    appendId,
    ...payload,
    expiresAt,
    ttl: ttlOf(expiresAt),
  };
}
