import type { SessionRepository } from '../ports/session-repository.ts';
import { type Effect, InvalidArgument, SessionNotFound, StoreUnavailable } from './errors.ts';
import { decodeValue, encodeValue, type JsonValue } from './json.ts';
import { DISTINCT_KEYS_FACTOR, LIST_LIMIT_DEFAULT, type Limits } from './limits.ts';
import { assertPageLimit, decodeCursor, encodeCursor } from './list-cursor.ts';
import type { Once, OnceCall } from './once.ts';
import type { Session } from './session.ts';
import type { SessionTarget } from './session-target.ts';
import type { Sessions } from './sessions.ts';
import { assertKey, assertPrefix, type ValueSummary } from './value.ts';

export interface SessionStateOptions {
  readonly sessions: Sessions;
  readonly repository: SessionRepository;
  readonly limits: Limits;
  readonly once: Once;
}

/** What the operation is. */
interface Use {
  /** What it may have done where the store fails in the midst of it. */
  readonly effect: Effect;
  /** Whether what was thrown tells that this session is gone; always by default. */
  readonly isOfThisSession?: (error: SessionNotFound) => boolean;
}

const READ: Use = { effect: 'none' };
const WRITE: Use = { effect: 'unknown' };

export interface ValueListing {
  /** In UTF-8 byte order of the keys. */
  readonly values: readonly ValueSummary[];
  /** Pass it as `cursor` for the next page; absent on the last one. */
  readonly nextCursor?: string;
}

/**
 * The values of one session, as tools use them. Every operation asks the store, so what one instance was told
 * is stored, every other one reads.
 *
 * All methods throw `SessionNotFound` when the session is gone and `StoreUnavailable` when the store is.
 */
export class SessionState {
  readonly #target: SessionTarget | undefined;
  readonly #sessions: Sessions;
  readonly #repository: SessionRepository;
  readonly #limits: Limits;
  readonly #once: Once;

  /** @param target `undefined` where the caller has named no session, and the protocol gives it none */
  constructor(target: SessionTarget | undefined, options: SessionStateOptions) {
    this.#target = target;
    this.#sessions = options.sessions;
    this.#repository = options.repository;
    this.#limits = options.limits;
    this.#once = options.once;
  }

  /**
   * What its caller names the session by: in general its id, a bearer secret, not to be logged.
   * @throws InvalidArgument where the caller has named none
   */
  get id(): string {
    return this.#named().name;
  }

  /**
   * Stores any JSON value under `key`.
   * @param options.expectedVersion store only if the key is at this version; 0: only if it does not exist
   * @returns the version that this write made
   * @throws InvalidArgument, LimitExceeded, VersionConflict
   */
  async set(
    key: string,
    value: unknown,
    options: { readonly expectedVersion?: number | undefined } = {},
  ): Promise<{ readonly version: number }> {
    assertKey(key);
    const expectedVersion = assertExpectedVersion(options.expectedVersion);
    const json = encodeValue(value, this.#limits);
    const { keysPerSession: keys } = this.#limits;
    const limits = { keys, distinctKeys: keys * DISTINCT_KEYS_FACTOR };
    const version = await this.#use(
      (session, now) => this.#repository.storeValue(session, { key, json, expectedVersion, limits }, now),
      WRITE,
    );
    return { version };
  }

  /** The value of `key` with its version, or `undefined` if it holds none. @throws InvalidArgument */
  async get(key: string): Promise<{ readonly value: JsonValue; readonly version: number } | undefined> {
    assertKey(key);
    const stored = await this.#use((session, now) => this.#repository.readValue(session, key, now));
    return stored && { value: decodeValue(stored.json), version: stored.version };
  }

  /**
   * Deletes `key`.
   * @returns false if it held no value
   * @throws InvalidArgument, VersionConflict
   */
  async delete(
    key: string,
    options: { readonly expectedVersion?: number | undefined } = {},
  ): Promise<boolean> {
    assertKey(key);
    const expectedVersion = assertExpectedVersion(options.expectedVersion);
    return this.#use(
      (session, now) => this.#repository.deleteValue(session, { key, expectedVersion }, now),
      WRITE,
    );
  }

  /** One page of keys. @throws InvalidArgument */
  async list(
    options: {
      readonly prefix?: string | undefined;
      readonly cursor?: string | undefined;
      readonly limit?: number | undefined;
    } = {},
  ): Promise<ValueListing> {
    const { prefix = '', cursor, limit = LIST_LIMIT_DEFAULT } = options;
    assertPrefix(prefix);
    assertPageLimit(limit);
    const after = cursor === undefined ? undefined : decodeCursor(cursor, prefix);
    const { values, more } = await this.#use((session, now) =>
      this.#repository.listValues(session, { prefix, after, limit }, now),
    );
    const last = values.at(-1);
    return more && last !== undefined ? { values, nextCursor: encodeCursor(last.key) } : { values };
  }

  /** The session as it is now, this use included. */
  async info(): Promise<Session> {
    return this.#use(async ({ ref }) => {
      await this.#sessions.activity.flushOf(ref);
      const session = await this.#sessions.fresh(ref);
      if (session === undefined) throw new SessionNotFound();
      return session;
    });
  }

  /**
   * Runs `operation` once under an idempotency key, however often a client that did not get the answer makes the call
   * again, and on whichever instance: a repeat gets what came of the first, also while that still runs. As long as
   * one runs, or waits, the session counts as used.
   *
   * @throws as {@link Once.run}
   */
  async once<T>(call: OnceCall, operation: () => Promise<T>): Promise<T> {
    let failure: unknown;
    const observed = async (): Promise<T> => {
      try {
        return await operation();
      } catch (error) {
        failure = error;
        throw error;
      }
    };
    const run = async (session: Session): Promise<T> => {
      const release = this.#sessions.activity.hold(session);
      try {
        return await this.#once.run({ session, id: this.#named().name }, call, observed);
      } finally {
        release();
      }
    };
    // The operation's own failure may be of another session, and repeats will have its words.
    return this.#use(run, { ...WRITE, isOfThisSession: (error) => error !== failure });
  }

  /** Ends the session with all its data. Once this resolves, no instance accepts a write to it. */
  async close(): Promise<void> {
    await this.#use(({ ref, principal }) => this.#sessions.close(ref, principal), WRITE);
  }

  async #use<T>(
    operation: (session: Session, now: number) => Promise<T>,
    { effect, isOfThisSession = () => true }: Use = READ,
  ): Promise<T> {
    const { ref, advice, find } = this.#named();
    let begun = false;
    try {
      const session = await find();
      if (session === undefined) throw new SessionNotFound();
      begun = true;
      return await operation(session, this.#sessions.now());
    } catch (error) {
      if (error instanceof StoreUnavailable) throw withEffect(error, begun ? effect : 'none');
      if (!(error instanceof SessionNotFound && isOfThisSession(error))) throw error;
      // It ended on another instance: this one need not find out a second time.
      this.#sessions.forget(ref);
      throw new SessionNotFound(advice);
    }
  }

  #named(): SessionTarget {
    if (this.#target === undefined) {
      throw new InvalidArgument(
        'session_id',
        'is missing: call open_session for a session, and pass its session_id with each call',
      );
    }
    return this.#target;
  }
}

/** An operation within this one has told already what itself may have done. */
function withEffect(error: StoreUnavailable, effect: Effect): StoreUnavailable {
  return error.effect === undefined ? new StoreUnavailable({ cause: error.cause, effect }) : error;
}

function assertExpectedVersion(version: number | undefined): number | undefined {
  if (version !== undefined && !(Number.isSafeInteger(version) && version >= 0)) {
    throw new InvalidArgument(
      'expected_version',
      'must be a whole number of at least 0, where 0 means that the key must not exist',
    );
  }
  return version;
}
