import type { SessionDirectory, SessionPosition } from '../ports/session-directory.ts';
import { InvalidArgument, LimitExceeded } from './errors.ts';
import { encodeValue } from './json.ts';
import { LIST_LIMIT_DEFAULT } from './limits.ts';
import { assertPageLimit, decodeCursor, encodeCursor, foreignCursor } from './list-cursor.ts';
import type { Principal } from './principal.ts';
import type { Session, SessionRef } from './session.ts';
import { SessionState, type SessionStateOptions } from './session-state.ts';
import { handleTarget } from './session-target.ts';
import { assertKey } from './value.ts';

/** Values stored at a time while a session is opened with some. */
const CONCURRENT_WRITES = 8;
/** Values that a session is opened with at most: whoever opens it waits for all of them. */
const OPENING_VALUES = 1_000;
/** Shorter lives would be over before the first use is written down. */
const SHORTEST_IDLE_MS = 1_000;
/** The last millisecond that stores can write down as a date. */
const LAST_INSTANT = Date.UTC(9999, 11, 31);

export interface HandleOptions {
  /**
   * The session is gone when it was not used for this long: from 1,000 milliseconds to the longest life of a session;
   * as the service is configured by default.
   */
  readonly idleMs?: number | undefined;
  /** What it holds from the beginning: JSON by key, at most 1,000 of them. */
  readonly values?: Readonly<Record<string, unknown>> | undefined;
}

/** A session that was just opened. */
export class OpenedSession extends SessionState {
  /** As it is stored. */
  readonly record: Session;

  constructor(record: Session, ...state: ConstructorParameters<typeof SessionState>) {
    super(...state);
    this.record = record;
  }
}

export interface HandlesOptions extends SessionStateOptions {
  readonly directory: SessionDirectory;
}

export interface SessionListing {
  /** The oldest first. */
  readonly sessions: readonly Session[];
  /** Pass it as `cursor` for the next page; absent on the last one. */
  readonly nextCursor?: string;
}

/**
 * Sessions that belong to no connection: their id is handed to the caller, who names it with each call. It is an
 * id as any other, and serves clients of all revisions alike.
 */
export class Handles {
  readonly #options: HandlesOptions;
  readonly #principal: Principal | undefined;

  constructor(principal: Principal | undefined, options: HandlesOptions) {
    this.#principal = principal;
    this.#options = options;
  }

  /** The session that a call names. That it is there shows with the first operation. */
  at(name: string): SessionState {
    return new SessionState(handleTarget(name, this.#principal, this.#options.sessions), this.#options);
  }

  /**
   * Opens a session with all of its values, or none at all.
   * @throws InvalidArgument, LimitExceeded, QuotaExceeded, StoreUnavailable; then there is no session
   */
  async open({ idleMs, values = {} }: HandleOptions = {}): Promise<OpenedSession> {
    const { sessions } = this.#options;
    this.#assertLife(idleMs);
    const entries = Object.entries(values);
    this.#assertValues(entries);
    const { id, session } = await sessions.open({
      principal: this.#principal,
      initialize: undefined,
      protocolVersion: undefined,
      idleMs,
    });
    const record = { ...session, valueCount: entries.length };
    const opened = new OpenedSession(record, handleTarget(id, this.#principal, sessions), this.#options);
    try {
      for (let first = 0; first < entries.length; first += CONCURRENT_WRITES) {
        const some = entries.slice(first, first + CONCURRENT_WRITES);
        await Promise.all(some.map(([key, value]) => opened.set(key, value)));
      }
    } catch (error) {
      // Nobody has its id: what is left of it, should this fail too, goes when it expires.
      await sessions.close(session.ref, this.#principal).catch(() => {});
      throw error;
    }
    return opened;
  }

  /**
   * One page of the principal's live sessions, those of connections included.
   * @throws InvalidArgument, also where the caller is not known by name
   */
  async list(
    options: { readonly cursor?: string | undefined; readonly limit?: number | undefined } = {},
  ): Promise<SessionListing> {
    const { cursor, limit = LIST_LIMIT_DEFAULT } = options;
    if (this.#principal === undefined) {
      throw new InvalidArgument(
        'principal',
        'is not known: sessions are listed only to whoever has credentials',
      );
    }
    assertPageLimit(limit);
    const after = cursor === undefined ? undefined : positionOf(cursor);
    const now = this.#options.sessions.now();
    const { sessions, more } = await this.#options.directory.list(this.#principal, { after, limit }, now);
    const last = sessions.at(-1);
    if (!more || last === undefined) return { sessions };
    return { sessions, nextCursor: encodeCursor(`${last.createdAt} ${last.ref}`) };
  }

  #assertLife(idleMs: number | undefined): void {
    const { maxLifetimeMs } = this.#options.sessions.lifetime;
    if (idleMs === undefined) return;
    if (Number.isSafeInteger(idleMs) && idleMs >= SHORTEST_IDLE_MS && idleMs <= maxLifetimeMs) return;
    throw new InvalidArgument(
      'idleMs',
      `must be a whole number from ${SHORTEST_IDLE_MS} to ${maxLifetimeMs}, which is how long a session lives at most`,
    );
  }

  /** Before there is a session, so that what is wrong with one value costs nothing. */
  #assertValues(entries: readonly (readonly [string, unknown])[]): void {
    const { limits } = this.#options;
    const most = Math.min(OPENING_VALUES, limits.keysPerSession);
    if (entries.length > most) {
      throw new LimitExceeded(
        `values: a session is opened with at most ${most}, but these are ${entries.length}: store the rest one by one`,
        most,
      );
    }
    for (const [key, value] of entries) {
      assertKey(key, 'values');
      encodeValue(value, limits, `values.${key}`);
    }
  }
}

function positionOf(cursor: string): SessionPosition {
  const [, createdAt, ref] = /^(\d{1,16}) ([A-Za-z0-9_-]{43})$/.exec(decodeCursor(cursor)) ?? [];
  if (createdAt === undefined || ref === undefined || Number(createdAt) > LAST_INSTANT) throw foreignCursor();
  return { createdAt: Number(createdAt), ref: ref as SessionRef };
}
