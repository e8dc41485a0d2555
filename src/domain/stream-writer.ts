import { randomBytes } from 'node:crypto';
import { LimitExceeded, SessionNotFound, StreamEnded } from './errors.ts';
import { persist } from './persist.ts';
import type { RequestId } from './request-id.ts';
import type { StreamHandle } from './stream-handle.ts';
import type { StreamRecord } from './stream-record.ts';
import type { Streams } from './streams.ts';

/** Records of one append at most. */
const BATCH = 64;
/** Records that wait for the store at most: beyond it, whoever sends does not wait for what it sends. */
const MOST_WAITING = 10_000;

interface Waiting {
  readonly records: readonly StreamRecord[];
  readonly end: boolean;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Appends one writer's records to a stream in their order. An outage of the store delays them, however long it
 * lasts; what waits meanwhile is appended together.
 */
export class StreamWriter {
  readonly #streams: Pick<Streams, 'options' | 'append'>;
  readonly #handle: StreamHandle;
  readonly #isOver: () => boolean;
  readonly #name = randomBytes(6).toString('base64url');
  #number = 0;
  #waiting: Waiting[] = [];
  #writing = false;
  #isEnding = false;
  /** Why nothing can be written any more. */
  #closed: unknown;

  /** @param isOver true once it is no use to go on trying: the session's end has come */
  constructor(streams: Pick<Streams, 'options' | 'append'>, handle: StreamHandle, isOver: () => boolean) {
    this.#streams = streams;
    this.#handle = handle;
    this.#isOver = isOver;
  }

  /**
   * Appends JSON-RPC messages, all at once. Resolves once they are in the log.
   * @param options.requests those that the stream answers
   * @param options.end the last message ends the stream; an end is taken however many messages wait
   * @throws StreamEnded, SessionNotFound, LimitExceeded
   */
  send(
    messages: readonly string[],
    options: { readonly requests?: readonly RequestId[]; readonly end?: boolean } = {},
  ): Promise<void> {
    const { requests, end = false } = options;
    const at = this.#streams.options.clock.now();
    const records = messages.map((message): StreamRecord => {
      this.#number += 1;
      return { kind: 'message', message, writer: this.#name, number: this.#number, requests, at };
    });
    return this.write(records, end);
  }

  /** Appends any records, as {@link send} does. */
  write(records: readonly StreamRecord[], end = false): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#isEnding) return Promise.reject(new StreamEnded());
    if (this.#waiting.length >= MOST_WAITING && !end) {
      return Promise.reject(
        new LimitExceeded(
          `${MOST_WAITING} messages of this stream wait to be stored: wait for each before the next is sent`,
          MOST_WAITING,
          { isPassing: true },
        ),
      );
    }
    return new Promise((done, failed) => {
      this.#waiting.push({ records, end, done, failed });
      // Nothing may stand behind an end, not even among what waits.
      if (end) this.#isEnding = true;
      if (!this.#writing) void this.#write();
    });
  }

  /** Drops what waits, and refuses what comes. */
  close(reason: unknown): void {
    this.#closed ??= reason;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { failed } of waiting) failed(this.#closed);
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        await this.#append(batch);
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
        if (error instanceof StreamEnded || error instanceof SessionNotFound) this.close(error);
      }
    }
    this.#writing = false;
  }

  /** A repetition may append twice what was appended already: readers know a message again by its number. */
  async #append(batch: readonly Waiting[]): Promise<void> {
    const records = batch.flatMap((waiting) => waiting.records);
    const end = batch.at(-1)?.end === true;
    await persist(() => this.#streams.append(this.#handle, records, end), {
      ...this.#streams.options,
      isOver: () => this.#closed !== undefined || this.#isOver(),
    });
  }
}
