import { SessionNotFound, StreamEnded } from './errors.ts';
import type { EventGap } from './event.ts';
import type { StreamHandle, StreamsOptions } from './stream-handle.ts';
import { isShown, ownerOf } from './stream-name.ts';
import { decodeRecord, encodeRecord, type StreamRecord } from './stream-record.ts';
import { StreamTail, type TailStart } from './stream-tail.ts';

/** A record and its place. */
export interface LoggedRecord {
  readonly sequence: number;
  readonly record: StreamRecord;
  /** It ended the stream. */
  readonly end: boolean;
}

export interface RecordPage {
  /** In order and without holes. */
  readonly records: readonly LoggedRecord[];
  /** Set where records before the first one are no longer kept. */
  readonly gap: EventGap | undefined;
}

/** How many messages that wait for other instances are kept at least. */
const INBOUND_KEEP = 1_000;
/** A timer cannot be set much further ahead. */
const A_DAY_MS = 24 * 60 * 60 * 1_000;

/** The streams of all sessions, as this instance appends to them and follows them. */
export class Streams {
  readonly options: StreamsOptions;
  /** Who follows which stream here: they are handed what is appended here without another look at the log. */
  readonly #tails = new Map<string, Set<StreamTail>>();

  constructor(options: StreamsOptions) {
    this.options = options;
  }

  /**
   * Appends records, then tells whoever follows the stream.
   * @returns the sequence of the last one
   * @throws StreamEnded, SessionNotFound, StoreUnavailable: then it is unknown whether they were appended
   */
  async append(handle: StreamHandle, records: readonly StreamRecord[], end = false): Promise<number> {
    const { session, id, stream, isAwaitedAtEnd = false } = handle;
    const { events, clock, keep } = this.options;
    const now = clock.now();
    // Only what is appended for one call may go earlier: other streams must not begin again while the session lives.
    const retentionMs =
      handle.retentionMs ??
      (ownerOf(stream) === undefined ? Number.POSITIVE_INFINITY : this.options.retentionMs);
    const append = {
      stream,
      data: records.map((record) => encodeRecord(record, id)),
      end,
      expiresAt: Math.min(now + retentionMs, session.endsAt),
      // Answers of a client that were trimmed unread would leave their askers waiting.
      keep: isShown(stream) ? keep : Math.max(keep, INBOUND_KEEP),
    };
    let last: number;
    try {
      last = await events.append(session, append, now);
    } catch (error) {
      // An attempt before may have made that end without knowing, and told nobody.
      if (error instanceof StreamEnded) await this.options.signals.publish({ ref: session.ref, stream });
      // Of an expired session nobody else tells.
      if (error instanceof SessionNotFound) await this.options.signals.publish({ ref: session.ref });
      throw error;
    }
    // An instance that hears of it from here needs no signal: on Postgres each one serialises commits.
    const isTold = this.#handOver(handle, last - records.length + 1, records, end);
    if (!isTold && (end || !isAwaitedAtEnd)) {
      await this.options.signals.publish({ ref: session.ref, stream });
    }
    return last;
  }

  /** The newest sequence, 0 where there is none. @throws SessionNotFound, StoreUnavailable */
  lastSequence({ session, stream }: StreamHandle): Promise<number> {
    return this.options.events.lastSequence(session, stream, this.options.clock.now());
  }

  /** The newest record; `undefined` where there is none. @throws SessionNotFound, StoreUnavailable */
  async newest(handle: StreamHandle): Promise<LoggedRecord | undefined> {
    const sequence = await this.lastSequence(handle);
    if (sequence === 0) return undefined;
    return (await this.read(handle, sequence - 1, 1)).records.at(-1);
  }

  /**
   * One page of records, repeated ones included.
   * @param limit of records, at least 1
   * @throws SessionNotFound, StoreUnavailable
   */
  async read(handle: StreamHandle, after: number, limit: number): Promise<RecordPage> {
    const { events, clock } = this.options;
    const query = { stream: handle.stream, after, limit };
    const page = await events.read(handle.session, query, clock.now());
    return {
      records: page.events.map(({ sequence, data, end }) => ({
        sequence,
        record: decodeRecord(data, handle.id),
        end,
      })),
      gap: page.gap,
    };
  }

  /** Follows a stream, whichever instances append to it. */
  follow(handle: StreamHandle, from: TailStart): StreamTail {
    const topic = topicOf(handle);
    const tails = this.#tails.get(topic) ?? new Set();
    this.#tails.set(topic, tails);
    const { ref } = handle.session;
    const tail = new StreamTail(this.options, handle, from, () => {
      for (const stop of unwatch) stop();
      tails.delete(tail);
      if (tails.size === 0 && this.#tails.get(topic) === tails) this.#tails.delete(topic);
    });
    tails.add(tail);
    const look = (isInDoubt = false): void => tail.look(isInDoubt);
    const unwatch = [
      this.options.signals.watch({ ref, stream: handle.stream }, look),
      // The session may be gone.
      this.options.signals.watch({ ref }, look),
      this.#lookAtEnd(handle, look),
    ];
    return tail;
  }

  /** No store tells that a session has come to its end: it is just no longer found. */
  #lookAtEnd({ session }: StreamHandle, look: () => void): () => void {
    const { clock } = this.options;
    let cancel = (): void => {};
    const schedule = (): void => {
      const leftMs = session.endsAt - clock.now();
      if (leftMs > 0) cancel = clock.schedule(Math.min(leftMs, A_DAY_MS), next);
    };
    const next = (): void => {
      look();
      schedule();
    };
    schedule();
    return () => cancel();
  }

  /** True if a connection on this instance has it, so that no other one has the stream. */
  #handOver(handle: StreamHandle, first: number, records: readonly StreamRecord[], end: boolean): boolean {
    let taken = false;
    for (const tail of [...(this.#tails.get(topicOf(handle)) ?? [])]) {
      if (tail.offer(first, records, end)) taken = true;
      else tail.look();
    }
    // What a client posted is for whichever instance waits for it.
    return taken && isShown(handle.stream);
  }
}

function topicOf({ session, stream }: StreamHandle): string {
  return `${session.ref}/${stream}`;
}
