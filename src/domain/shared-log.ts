import type { Clock } from '../ports/clock.ts';
import type { SessionRepository } from '../ports/session-repository.ts';
import { SessionExists, SessionNotFound } from './errors.ts';
import type { Session, SessionRef } from './session.ts';
import type { SessionHandle } from './stream-handle.ts';
import type { StreamRecord } from './stream-record.ts';
import type { StreamTail, TailStart } from './stream-tail.ts';
import { StreamWriter } from './stream-writer.ts';
import type { RecordPage, Streams } from './streams.ts';

/** No client's session can have it: it is no SHA-256. */
const REF = 'shared' as SessionRef;
/** What a store can write down as a date, and no service will see. */
const NEVER = Date.UTC(9999, 11, 31);
const HANDLE: SessionHandle = { session: { ref: REF, expiresAt: NEVER, endsAt: NEVER }, id: REF };

/**
 * Streams that belong to no client but to the service as a whole, for what all instances on one store share. They
 * are streams of one session that nobody can name, and obey the same laws.
 */
export class SharedLog {
  readonly #repository: SessionRepository;
  readonly #streams: Streams;
  readonly #clock: Clock;
  #opening: Promise<void> | undefined;

  constructor(options: {
    readonly repository: SessionRepository;
    readonly streams: Streams;
    readonly clock: Clock;
  }) {
    this.#repository = options.repository;
    this.#streams = options.streams;
    this.#clock = options.clock;
  }

  /**
   * Appends records, then tells whoever follows the stream on any instance.
   * @param retentionMs for how long the records are kept; the stream's newest ones for ever where it is absent
   * @returns the sequence of the last one
   * @throws StreamEnded, StoreUnavailable
   */
  async append(stream: string, records: readonly StreamRecord[], retentionMs?: number): Promise<number> {
    return this.#inSession(() => this.#streams.append({ ...HANDLE, stream, retentionMs }, records));
  }

  /** The newest sequence, 0 where there is none. @throws StoreUnavailable */
  async lastSequence(stream: string): Promise<number> {
    return this.#inSession(() => this.#streams.lastSequence({ ...HANDLE, stream }));
  }

  /** One page of records, as `Streams.read` gives it. @throws StoreUnavailable */
  async read(stream: string, after: number, limit: number): Promise<RecordPage> {
    return this.#inSession(() => this.#streams.read({ ...HANDLE, stream }, after, limit));
  }

  /** Appends what an outage must not lose, until it is closed. */
  writer(stream: string): StreamWriter {
    const append: Streams['append'] = (handle, records, end) =>
      this.#inSession(() => this.#streams.append(handle, records, end));
    const streams = { options: this.#streams.options, append };
    return new StreamWriter(streams, { ...HANDLE, stream }, () => false);
  }

  /** Follows a stream, whichever instances append to it. @throws StoreUnavailable */
  async follow(stream: string, from: TailStart): Promise<StreamTail> {
    return this.#inSession(async () => this.#streams.follow({ ...HANDLE, stream }, from));
  }

  async #inSession<T>(operation: () => Promise<T>): Promise<T> {
    try {
      await this.#open();
      return await operation();
    } catch (error) {
      if (!(error instanceof SessionNotFound)) throw error;
      // The tables were taken down and made again.
      this.#opening = undefined;
      await this.#open();
      return operation();
    }
  }

  #open(): Promise<void> {
    this.#opening ??= this.#create().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #create(): Promise<void> {
    const now = this.#clock.now();
    const session: Session = {
      ref: REF,
      principal: undefined,
      initialize: undefined,
      protocolVersion: undefined,
      logLevel: undefined,
      subscriptions: [],
      createdAt: now,
      lastSeenAt: now,
      expiresAt: NEVER,
      endsAt: NEVER,
      idleMs: undefined,
      version: 1,
      valueCount: 0,
    };
    try {
      await this.#repository.create(session);
    } catch (error) {
      if (!(error instanceof SessionExists)) throw error;
    }
  }
}
