import { SessionNotFound, StoreUnavailable } from './errors.ts';
import { pause } from './persist.ts';
import type { RequestId } from './request-id.ts';
import type { StreamHandle, StreamsOptions } from './stream-handle.ts';
import { decodeRecord, type StreamMessage, type StreamRecord } from './stream-record.ts';

/** Events read at once. */
const PAGE = 64;
/** Records held for a slow reader; the rest stays in the log until it has caught up. */
const MOST_HELD = 64;
/** How many events before its first a reader looks at, to know a message again that was appended twice. */
const LOOK_BACK = 8;
const RETRY_MS = 1_000;

/** Opens a stream for nobody: whoever has it is to let go, and may come back. */
export const NO_CONNECTION = 'none';

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
    };

export interface TailStart {
  /** The last sequence that the reader has; 0 for none. */
  readonly sequence: number;
  /** Whose reader it is: it ends when another connection opens the stream after this one did. */
  readonly connection?: string;
  /** True if the log has nothing after `sequence` yet, which saves a look. */
  readonly isNewest?: boolean;
}

/** Why there is nothing more to read. */
export type TailEnd = 'ended' | 'superseded' | 'session_gone' | 'stopped';

interface Held {
  readonly sequence: number;
  readonly record: StreamRecord;
  readonly end: boolean;
}

/**
 * One reader of one stream. It reads the log, sleeps until it is told to look again, and is handed what this
 * instance appends itself. Each message is given once, in order, however often it was appended.
 */
export class StreamTail {
  /** Set once there is nothing more to read. */
  outcome: TailEnd | undefined;
  readonly #options: StreamsOptions;
  readonly #handle: StreamHandle;
  readonly #connection: string | undefined;
  readonly #release: () => void;
  /** Up to where the reader has everything, and up to where this has it in hand. */
  #given: number;
  #held: Held[] = [];
  #heldUpTo: number;
  #gap: { readonly from: number; readonly to: number } | undefined;
  #mustLook: boolean;
  #looking = false;
  #stopping = false;
  #lookBack = LOOK_BACK;
  /** Connections that opened before this one's own mark are its predecessors. */
  #isOpened: boolean;
  readonly #newest = new Map<string, number>();
  #wake: (() => void) | undefined;

  constructor(options: StreamsOptions, handle: StreamHandle, from: TailStart, release: () => void) {
    this.#options = options;
    this.#handle = handle;
    this.#connection = from.connection;
    this.#isOpened = from.connection === undefined;
    this.#given = from.sequence;
    this.#heldUpTo = from.sequence;
    this.#mustLook = from.isNewest !== true;
    this.#release = release;
  }

  /** Looks at the log again before sleeping. */
  look(): void {
    this.#mustLook = true;
    this.#wake?.();
  }

  /**
   * Takes what was just appended on this instance, if it is what comes next here.
   * @returns false if it was not taken: it is then to be read from the log
   */
  offer(first: number, records: readonly StreamRecord[], end: boolean): boolean {
    const isNext = !this.#stopping && !this.#mustLook && !this.#looking && first === this.#heldUpTo + 1;
    if (!isNext || this.#held.length + records.length > MOST_HELD || this.outcome !== undefined) {
      return false;
    }
    this.#hold(
      records.map((record, index) => ({
        sequence: first + index,
        record,
        end: end && index === records.length - 1,
      })),
    );
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
    this.#held = [];
    this.#finish('stopped');
  }

  /** The next step; `undefined` when there is none any more, for the reason in {@link outcome}. */
  async next(): Promise<TailStep | undefined> {
    while (this.outcome === undefined) {
      const step = this.#step();
      if (step !== undefined) return step;
      if (this.outcome !== undefined) break;
      if (this.#held.length > 0) continue;
      if (this.#stopping) this.#finish('stopped');
      else if (this.#mustLook) await this.#read();
      else await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
    return undefined;
  }

  #step(): TailStep | undefined {
    if (this.#gap !== undefined) {
      const gap = { kind: 'gap', ...this.#gap, requests: this.#requests() } as const;
      this.#gap = undefined;
      return gap;
    }
    const next = this.#held.shift();
    if (next === undefined) return undefined;
    this.#given = next.sequence;
    const step = this.#stepOf(next);
    if (next.end) this.#finish('ended');
    return step;
  }

  #stepOf({ sequence, record, end }: Held): TailStep | undefined {
    switch (record.kind) {
      case 'begin':
        return { kind: 'begin', sequence };
      case 'open':
        if (record.connection === this.#connection) {
          this.#isOpened = true;
          return { kind: 'opened', sequence };
        }
        if (this.#isOpened) this.#finish(record.connection === NO_CONNECTION ? 'stopped' : 'superseded');
        return undefined;
      case 'message':
        if (this.#isRepeated(record)) return undefined;
        return { kind: 'message', sequence, message: record, end };
      case 'alive':
        return undefined;
    }
  }

  #isRepeated({ writer, number }: StreamMessage): boolean {
    if (writer === undefined || number === undefined) return false;
    if (number <= (this.#newest.get(writer) ?? 0)) return true;
    this.#newest.set(writer, number);
    return false;
  }

  async #read(): Promise<void> {
    const { events, clock, onError } = this.#options;
    const { session, stream, id } = this.#handle;
    this.#mustLook = false;
    this.#looking = true;
    // At first a little further back, only to know the messages there again.
    const after = Math.max(0, this.#given - this.#lookBack);
    this.#lookBack = 0;
    try {
      const page = await events.read(session, { stream, after, limit: PAGE }, clock.now());
      const held = page.events.map(({ sequence, data, end }) => ({
        sequence,
        record: decodeRecord(data, id),
        end,
      }));
      for (const { sequence, record } of held) {
        if (sequence <= this.#given && record.kind === 'message') this.#isRepeated(record);
      }
      if (page.gap !== undefined && page.gap.to > this.#given) {
        this.#gap = { from: this.#given + 1, to: page.gap.to };
      }
      this.#hold(held.filter(({ sequence }) => sequence > this.#given));
      if (held.length === PAGE) this.#mustLook = true;
    } catch (error) {
      await this.#failed(error, onError);
    } finally {
      this.#looking = false;
    }
  }

  async #failed(error: unknown, onError: (error: unknown) => void): Promise<void> {
    if (error instanceof SessionNotFound) return this.#finish('session_gone');
    onError(error);
    // Of what is no outage, a repetition would bring more of the same.
    if (!(error instanceof StoreUnavailable)) return this.#finish('stopped');
    await pause(this.#options.clock, RETRY_MS);
    this.#mustLook = true;
  }

  #hold(records: readonly Held[]): void {
    this.#held.push(...records);
    this.#heldUpTo = records.at(-1)?.sequence ?? this.#heldUpTo;
  }

  #requests(): readonly RequestId[] {
    for (const { record } of this.#held) {
      if (record.kind === 'begin' || record.kind === 'alive') return record.requests;
      if (record.kind === 'message' && record.requests !== undefined) return record.requests;
    }
    return [];
  }

  #finish(outcome: TailEnd): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.#release();
    this.#wake?.();
  }
}
