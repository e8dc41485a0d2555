import type { SessionRepository } from '../ports/session-repository.ts';
import { InvalidArgument, SessionNotFound } from './errors.ts';
import { decodeValue, encodeValue, type JsonValue } from './json.ts';
import { DISTINCT_KEYS_FACTOR, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, type Limits } from './limits.ts';
import { decodeCursor, encodeCursor } from './list-cursor.ts';
import { type Session, type SessionRef, sessionRef } from './session.ts';
import type { Sessions } from './sessions.ts';
import { assertKey, assertPrefix, type ValueSummary } from './value.ts';

export interface SessionStateOptions {
  readonly sessions: Sessions;
  readonly repository: SessionRepository;
  readonly limits: Limits;
}

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
  /** The client's session id: a bearer secret, not to be logged. */
  readonly id: string;
  readonly #ref: SessionRef;
  readonly #sessions: Sessions;
  readonly #repository: SessionRepository;
  readonly #limits: Limits;

  constructor(id: string, options: SessionStateOptions) {
    this.id = id;
    this.#ref = sessionRef(id);
    this.#sessions = options.sessions;
    this.#repository = options.repository;
    this.#limits = options.limits;
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
    const version = await this.#use((session, now) =>
      this.#repository.storeValue(session, { key, json, expectedVersion, limits }, now),
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
    return this.#use((session, now) => this.#repository.deleteValue(session, { key, expectedVersion }, now));
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
    if (!Number.isInteger(limit) || limit < 1 || limit > LIST_LIMIT_MAX) {
      throw new InvalidArgument('limit', `must be a whole number from 1 to ${LIST_LIMIT_MAX}`);
    }
    const after = cursor === undefined ? undefined : decodeCursor(cursor, prefix);
    const { values, more } = await this.#use((session, now) =>
      this.#repository.listValues(session, { prefix, after, limit }, now),
    );
    const last = values.at(-1);
    return more && last !== undefined ? { values, nextCursor: encodeCursor(last.key) } : { values };
  }

  /** The session as it is now, this use included. */
  async info(): Promise<Session> {
    await this.#sessions.activity.flush();
    const session = await this.#sessions.fresh(this.#ref);
    if (session === undefined) throw new SessionNotFound();
    return session;
  }

  async #use<T>(operation: (session: Session, now: number) => Promise<T>): Promise<T> {
    const session = await this.#sessions.recent(this.#ref);
    if (session === undefined) throw new SessionNotFound();
    try {
      return await operation(session, this.#sessions.now());
    } catch (error) {
      // It ended on another instance: this one need not find out a second time.
      if (error instanceof SessionNotFound) this.#sessions.forget(this.#ref);
      throw error;
    }
  }
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
