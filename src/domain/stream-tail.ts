import { SessionNotFound, StoreUnavailable } from './errors.ts';
import { GivenRecords, LOOK_BACK } from './given-records.ts';
import { type HeldRecord, HeldRecords, MOST_HELD, sizeOf } from './held-records.ts';
import { pause } from './persist.ts';
import type { RequestId } from './request-id.ts';
import type { StreamHandle, StreamsOptions } from './stream-handle.ts';
import { ownerOf } from './stream-name.ts';
import { decodeRecord, type StreamMessage, type StreamRecord } from './stream-record.ts';

/** Events read at once: a few at first, then as many of their size as have room in the memory meant for them. */
const FIRST_PAGE = 8;
const LARGEST_PAGE = 256;
const RETRY_MS = 1_000;

/** What a reader of a stream meets, in order. */
export type TailStep =
  | { readonly kind: 'begin'; readonly sequence: number }
  /** From here on the stream is this connection's. */
  | { readonly kind: 'opened'; readonly sequence: number }
  | {
      readonly kind: 'message';
      readonly sequence: number;
      readonly message: StreamMessage;
      /** The stream ends with it. */
      readonly end: boolean;
    }
  /** These are no longer kept. `requests` are those that the stream answers. */
  | {
      readonly kind: 'gap';
      readonly from: number;
      readonly to: number;
      readonly requests: readonly RequestId[];
    }
  /**
   * The log was set back, as its store was: what follows comes after this sequence, whatever the reader had. What was
   * appended beyond it before is lost, and nobody knows whether the reader had it all. 0 for the stream's beginning.
   */
  | { readonly kind: 'set_back'; readonly sequence: number };

export interface TailStart {
  /** The last sequence that the reader has; 0 for none. */
  readonly sequence: number;
  /**
   * Where the reader's own connection opened the stream: one that does so later takes it over, and the reader ends.
   * 0 by default.
   */
  readonly openedAt?: number;
  /** True if the log has nothing after `sequence` yet, which saves a look. */
  readonly isNewest?: boolean;
}

/** Why there is nothing more to read. */
export type TailEnd = 'ended' | 'superseded' | 'session_gone' | 'stopped';

/**
 * One reader of one stream. It reads the log, sleeps until it is told to look again, and is handed what this
 * instance appends itself. Each message is given once, in order, however often it was appended.
 */
export class StreamTail {
  /** Set once there is nothing more to read. */
  outcome: TailEnd | undefined;
  readonly #options: StreamsOptions;
  readonly #handle: StreamHandle;
  #openedAt: number;
  readonly #release: () => void;
  readonly #given: GivenRecords;
  readonly #held: HeldRecords;
  #page = FIRST_PAGE;
  #setBackTo: number | undefined;
  #gap: { readonly from: number; readonly to: number } | undefined;
  #mustLook: boolean;
  #looking = false;
  #stopping = false;
  /** How far before its place the next look begins. */
  #lookBack = LOOK_BACK;
  #wake: (() => void) | undefined;

  constructor(options: StreamsOptions, handle: StreamHandle, from: TailStart, release: () => void) {
    this.#options = options;
    this.#handle = handle;
    this.#openedAt = from.openedAt ?? 0;
    this.#given = new GivenRecords(from.sequence);
    this.#held = new HeldRecords(from.sequence);
    this.#mustLook = from.isNewest !== true;
    this.#release = release;
  }

  /**
   * Looks at the log again before sleeping.
   * @param isInDoubt whether to find out, too, if the log is still the one that was read
   */
  look(isInDoubt = false): void {
    if (isInDoubt) this.#lookBack = LOOK_BACK;
    this.#mustLook = true;
    this.#wake?.();
  }

  /**
   * Takes what was just appended on this instance, if it is what comes next here.
   * @returns false if it was not taken: it is then to be read from the log
   */
  offer(first: number, records: readonly StreamRecord[], end: boolean): boolean {
    // Either it was read before it was offered, or the log has something new where this reader had something else.
    if (first <= this.#held.upTo) this.#lookBack = LOOK_BACK;
    const isNext = !this.#stopping && !this.#mustLook && !this.#looking && first === this.#held.upTo + 1;
    const held = records.map((record, index) => ({
      sequence: first + index,
      record,
      size: record.kind === 'message' ? record.message.length : 0,
      end: end && index === records.length - 1,
    }));
    if (!isNext || !this.#held.hasRoomFor(held) || this.outcome !== undefined) return false;
    this.#held.add(held);
    this.#wake?.();
    return true;
  }

  /** Ends the reading with what is in hand; what comes later stays in the log. */
  stop(): void {
    this.#stopping = true;
    this.#wake?.();
  }

  /** Ends the reading at once: nobody reads any more. */
  close(): void {
    this.#held.clear();
    this.#finish('stopped');
  }

  /** The next step; `undefined` when there is none any more, for the reason in {@link outcome}. */
  async next(): Promise<TailStep | undefined> {
    while (this.outcome === undefined) {
      const step = this.take();
      if (step !== undefined) return step;
      if (this.outcome !== undefined) break;
      if (this.#stopping) this.#finish('stopped');
      else if (this.#mustLook) await this.#read();
      else await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
    return undefined;
  }

  /** The next step that is in hand already; `undefined` where there is none for now, or none any more. */
  take(): TailStep | undefined {
    while (this.outcome === undefined && this.#hasInHand) {
      const step = this.#step();
      if (step !== undefined) return step;
    }
    return undefined;
  }

  get #hasInHand(): boolean {
    return this.#setBackTo !== undefined || this.#gap !== undefined || !this.#held.isEmpty;
  }

  #step(): TailStep | undefined {
    if (this.#setBackTo !== undefined) {
      const step = { kind: 'set_back', sequence: this.#setBackTo } as const;
      this.#setBackTo = undefined;
      return step;
    }
    if (this.#gap !== undefined) {
      const gap = { kind: 'gap', ...this.#gap, requests: this.#held.requests() } as const;
      this.#gap = undefined;
      return gap;
    }
    const next = this.#held.take();
    if (next === undefined) return undefined;
    this.#given.upTo = next.sequence;
    const step = this.#stepOf(next);
    if (next.end) this.#finish('ended');
    return step;
  }

  #stepOf({ sequence, record, end }: HeldRecord): TailStep | undefined {
    const lacksSome = record.kind === 'message' && this.#given.lacksBefore(record);
    const isNew = this.#given.add({ sequence, record });
    switch (record.kind) {
      case 'begin':
        return { kind: 'begin', sequence };
      case 'open':
        if (sequence === this.#openedAt) return { kind: 'opened', sequence };
        if (sequence > this.#openedAt) this.#finish(record.toNobody ? 'stopped' : 'superseded');
        return undefined;
      case 'message':
        if (!isNew) return undefined;
        // All of a call's messages are one writer's.
        if (lacksSome && ownerOf(this.#handle.stream) !== undefined) {
          return { kind: 'gap', from: sequence, to: sequence, requests: record.requests ?? [] };
        }
        return { kind: 'message', sequence, message: record, end };
      case 'alive':
        return undefined;
    }
  }

  async #read(): Promise<void> {
    const { onError, events, clock } = this.#options;
    const { session, stream, id } = this.#handle;
    const limit = this.#page;
    const isInDoubt = this.#lookBack > 0;
    const after = Math.max(0, this.#given.upTo - Math.min(this.#lookBack, limit));
    this.#mustLook = false;
    this.#lookBack = 0;
    this.#looking = true;
    try {
      const page = await events.read(session, { stream, after, limit }, clock.now());
      const held = page.events.map(({ sequence, data, end }) => ({
        sequence,
        record: decodeRecord(data, id),
        size: data.length,
        end,
      }));
      if (held.length > 0) {
        const fitting = Math.floor((MOST_HELD * held.length) / sizeOf(held));
        this.#page = Math.min(Math.max(fitting, 1), LARGEST_PAGE);
      }
      if (isInDoubt) await this.#compare(held, after);
      const { upTo } = this.#given;
      if (page.gap !== undefined && page.gap.to > upTo) this.#gap = { from: upTo + 1, to: page.gap.to };
      this.#held.add(held.filter(({ sequence }) => sequence > upTo));
      if (held.length === limit) this.#mustLook = true;
    } catch (error) {
      await this.#failed(error, onError);
    } finally {
      this.#looking = false;
    }
  }

  /** Knows again what the reader has of these records, or goes back to where they are no longer those. */
  async #compare(found: readonly HeldRecord[], after: number): Promise<void> {
    let end = found.at(-1)?.sequence ?? after;
    if (end < this.#given.upTo) {
      const head = await this.#lastSequence();
      // The page ended before what is just being trimmed, or the log has grown again since.
      if (head >= this.#given.upTo) return this.look(true);
      end = Math.min(end, head);
    }
    const shared = this.#given.sharedUpTo(found, end);
    if (shared < this.#given.upTo) {
      this.#given.setBack(shared);
      this.#held.upTo = shared;
      // Its own mark may be among what was lost: whoever opens the stream from now on takes it over.
      this.#openedAt = Math.min(this.#openedAt, shared);
      this.#setBackTo = shared;
    }
    for (const { sequence, record, end } of found) {
      if (sequence > shared) break;
      this.#given.add({ sequence, record });
      // The reader has all there is.
      if (end) this.#finish('ended');
    }
  }

  #lastSequence(): Promise<number> {
    const { events, clock } = this.#options;
    const { session, stream } = this.#handle;
    return events.lastSequence(session, stream, clock.now());
  }

  async #failed(error: unknown, onError: (error: unknown) => void): Promise<void> {
    if (error instanceof SessionNotFound) return this.#finish('session_gone');
    onError(error);
    // Of what is no outage, a repetition would bring more of the same.
    if (!(error instanceof StoreUnavailable)) return this.#finish('stopped');
    // Another server may answer from now on.
    this.#lookBack = LOOK_BACK;
    await pause(this.#options.clock, RETRY_MS);
    this.#mustLook = true;
  }

  #finish(outcome: TailEnd): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.#release();
    this.#wake?.();
  }
}
