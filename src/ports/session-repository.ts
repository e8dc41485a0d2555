import type { LiveSession, Session, SessionChanges, SessionRef } from '../domain/session.ts';
import type { StoredValue, ValueSummary } from '../domain/value.ts';

/** Activity of one session, to be written down. */
export interface Touch {
  readonly ref: SessionRef;
  /** Unix milliseconds. */
  readonly lastSeenAt: number;
  /** Unix milliseconds, at most the session's `endsAt`. */
  readonly expiresAt: number;
}

/** What one call of {@link SessionRepository.deleteExpired} came by. */
export interface Swept {
  /** How many sessions were removed. */
  readonly sessions: number;
  /** Whether the limit was reached, of sessions or of events: another call may find more. */
  readonly mayBeMore: boolean;
}

export interface ValueWrite {
  readonly key: string;
  /** JSON text. */
  readonly json: string;
  /** Write only if the key is at this version; 0: only if it does not exist. Absent: in any case. */
  readonly expectedVersion?: number | undefined;
  /** Refuse a key that would be one more than these. Overwriting is never refused. */
  readonly limits: {
    /** Keys that hold a value at one time. */
    readonly keys: number;
    /** Different keys over the session's life, deleted ones included. */
    readonly distinctKeys: number;
  };
}

export interface ValueDeletion {
  readonly key: string;
  /** Delete only if the key is at this version; 0: only if it does not exist (then nothing is deleted). */
  readonly expectedVersion?: number | undefined;
}

export interface ValueQuery {
  /** Only keys that begin with this, compared by code points; `''` for all. */
  readonly prefix: string;
  /** Only keys after this one in UTF-8 byte order. */
  readonly after?: string | undefined;
  /** At least 1. */
  readonly limit: number;
}

export interface ValuePage {
  /** In the byte order of the keys' UTF-8 form. */
  readonly values: readonly ValueSummary[];
  /** True if more keys follow the last one. Never true with an empty page. */
  readonly more: boolean;
}

/**
 * Sessions and their values.
 *
 * Laws, for every method:
 * - `now` is the caller's time in Unix milliseconds. A session is gone from the millisecond of its `expiresAt`
 *   on, also where the store has not removed it yet.
 * - An operation on the data of a session that is gone throws `SessionNotFound` and changes nothing that can
 *   ever be seen again.
 * - `session` is the record as the caller last read it. Expiry only ever moves forward while a session
 *   lives, so a store may trust that a session is *not* expired before `session.expiresAt`, but must look
 *   again before it says that it *is*.
 * - A guarded write is one conditional statement: of N concurrent callers that expect one version exactly one
 *   succeeds, the others get `VersionConflict` with the version that is stored then.
 * - A store that cannot be reached, times out or throttles throws `StoreUnavailable`; missing tables throw
 *   `StoreNotSetUp`. No method ever reports a write that it did not see acknowledged.
 */
export interface SessionRepository {
  /**
   * Stores a new session. `session.valueCount` is 0 and `session.version` is 1.
   * @throws SessionExists if the reference is taken, be it by an expired session
   */
  create(session: Session): Promise<void>;

  /** The session, or `undefined` if it is gone. Reads what the latest acknowledged write wrote. */
  find(ref: SessionRef, now: number): Promise<Session | undefined>;

  /**
   * Applies `changes` if the session is still at `expectedVersion`, and raises the version by one.
   * @returns the session as it is then
   * @throws VersionConflict, SessionNotFound
   */
  updateIfVersion(
    ref: SessionRef,
    expectedVersion: number,
    changes: SessionChanges,
    now: number,
  ): Promise<Session>;

  /**
   * Writes down activity, for all given sessions together where the store can. Times never move backwards,
   * an expired or deleted session is passed over in silence and never comes back. Leaves `version` alone.
   */
  touch(touches: readonly Touch[], now: number): Promise<void>;

  /**
   * Removes a session with its values and events. Once this resolves, no write to it succeeds any more.
   * @returns false if there was no such session, expired ones included
   */
  delete(ref: SessionRef, now: number): Promise<boolean>;

  /**
   * Removes expired sessions, with all their data, expired events, and records of instances (see `Instances`)
   * that are no longer kept, up to about `limit` of each; may do nothing where another instance is at it, or
   * where the store removes them by itself.
   */
  deleteExpired(now: number, limit: number): Promise<Swept>;

  /**
   * Writes one key. Concurrent writers of different keys never lose each other's values.
   * @returns the version that this write made: 1 for a key never written before, else one more than the last,
   *   also when the key was deleted in between
   * @throws VersionConflict (a deleted key counts as version 0), LimitExceeded, SessionNotFound
   */
  storeValue(session: LiveSession, write: ValueWrite, now: number): Promise<number>;

  /**
   * The key's value, or `undefined` if it holds none. Reads what the latest acknowledged write wrote.
   * @throws SessionNotFound
   */
  readValue(session: LiveSession, key: string, now: number): Promise<StoredValue | undefined>;

  /**
   * Deletes one key.
   * @returns false if the key held no value
   * @throws VersionConflict, SessionNotFound
   */
  deleteValue(session: LiveSession, deletion: ValueDeletion, now: number): Promise<boolean>;

  /** One page of keys. @throws SessionNotFound */
  listValues(session: LiveSession, query: ValueQuery, now: number): Promise<ValuePage>;
}
