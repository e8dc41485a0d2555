import type { Clock } from '../ports/clock.ts';
import type { CachedSession, SessionCache } from '../ports/session-cache.ts';
import type { SessionRepository } from '../ports/session-repository.ts';
import type { Signals } from '../ports/signals.ts';
import { Activity } from './activity.ts';
import { InvalidArgument, SessionNotFound, StoreUnavailable, VersionConflict } from './errors.ts';
import { FreshSessions } from './fresh-sessions.ts';
import { INITIALIZE_BYTES } from './limits.ts';
import { pause } from './persist.ts';
import { assertPrincipal, isSamePrincipal, type Principal } from './principal.ts';
import {
  type InitializeParams,
  isExpired,
  newSessionId,
  type Session,
  type SessionChanges,
  type SessionRef,
  sessionRef,
  slidExpiry,
} from './session.ts';
import type { SessionQuota } from './session-quota.ts';

export interface SessionLifetime {
  /** A session that is not used for this long is gone, unless it has an idle time of its own. Milliseconds. */
  readonly idleMs: number;
  /** A session is gone this long after it was opened, however busy it is. Milliseconds. */
  readonly maxLifetimeMs: number;
}

/**
 * How long a session record may be served without asking the store. Bounds how late an instance that missed
 * the signal learns that a session was deleted; operations on values never rely on it.
 */
export const SESSION_CACHE_MS = 1_500;
/**
 * The same where there are no such signals: whoever changes a session then waits for this long, so that once it
 * is answered no instance serves the session as it was.
 */
export const UNSIGNALLED_CACHE_MS = 500;

/** How often a change is tried when other instances change the same session, and how long to wait in between at most. */
const CHANGE_ATTEMPTS = 50;
const CHANGE_PAUSE_MS = 50;

export interface OpenSession {
  /** The bearer secret that the client is given. Neither stored nor logged. */
  readonly id: string;
  readonly session: Session;
}

/** Opens, finds, changes and closes sessions. */
export class Sessions {
  readonly lifetime: SessionLifetime;
  readonly activity: Activity;
  readonly #repository: SessionRepository;
  readonly #signals: Signals;
  readonly #cache: SessionCache;
  readonly #clock: Clock;
  readonly #cacheMs: number;
  readonly #quota: SessionQuota | undefined;
  readonly #reads = new Map<SessionRef, SessionRead>();
  readonly #changes = new Map<SessionRef, Promise<Session>>();

  constructor(options: {
    readonly repository: SessionRepository;
    readonly signals: Signals;
    readonly cache: SessionCache;
    readonly clock: Clock;
    readonly lifetime: SessionLifetime;
    /** How many sessions a principal may have; as many as it likes where this is absent. */
    readonly quota?: SessionQuota | undefined;
    /** Told of failures that no caller waits for. */
    readonly onError: (error: unknown) => void;
  }) {
    this.lifetime = options.lifetime;
    this.#repository = options.repository;
    this.#signals = options.signals;
    this.#clock = options.clock;
    this.#quota = options.quota;
    this.#cacheMs = options.signals.tellsOfSessions ? SESSION_CACHE_MS : UNSIGNALLED_CACHE_MS;
    this.#cache = new FreshSessions(options.cache, this.#cacheMs);
    this.activity = new Activity({ ...options, idleMs: options.lifetime.idleMs });
  }

  now(): number {
    return this.#clock.now();
  }

  /** @throws InvalidArgument, QuotaExceeded, StoreUnavailable; then there is no session */
  async open(
    origin: {
      readonly principal: Principal | undefined;
      readonly initialize: InitializeParams | undefined;
      readonly protocolVersion: string | undefined;
      /** The session's own idle time: whole milliseconds, at least 1. By default the service's. */
      readonly idleMs?: number | undefined;
    },
    id: string = newSessionId(),
  ): Promise<OpenSession> {
    const { principal, idleMs } = origin;
    if (principal !== undefined) assertPrincipal(principal);
    if (idleMs !== undefined && !(Number.isSafeInteger(idleMs) && idleMs >= 1)) {
      throw new InvalidArgument('idleMs', 'must be a whole number of milliseconds, at least 1');
    }
    const bytes = Buffer.byteLength(JSON.stringify(origin.initialize ?? null));
    if (bytes > INITIALIZE_BYTES) {
      throw new InvalidArgument(
        'params',
        `of initialize are ${bytes} bytes as JSON, at most ${INITIALIZE_BYTES} are allowed: send less of them`,
      );
    }
    const now = this.#clock.now();
    const endsAt = now + this.lifetime.maxLifetimeMs;
    const session: Session = {
      ...origin,
      ref: sessionRef(id),
      logLevel: undefined,
      subscriptions: [],
      createdAt: now,
      lastSeenAt: now,
      expiresAt: slidExpiry({ endsAt, idleMs }, now, this.lifetime.idleMs),
      endsAt,
      idleMs,
      version: 1,
      valueCount: 0,
    };
    const create = (): Promise<void> => this.#repository.create(session);
    await (principal === undefined || this.#quota === undefined
      ? create()
      : this.#quota.within(principal, now, create));
    this.#remember(session, now);
    return { id, session };
  }

  /**
   * The live session of a client's id, which counts as its use.
   * @param options.certain asks the store: an end or a change that was acknowledged before, on any instance, is seen
   * @throws SessionNotFound if it is unknown, expired, closed or another principal's
   */
  resolve(
    id: string,
    principal: Principal | undefined,
    options: { readonly certain?: boolean } = {},
  ): Promise<Session> {
    return this.use(sessionRef(id), principal, options);
  }

  /** As {@link resolve}, of a session that is known by its reference. */
  async use(
    ref: SessionRef,
    principal: Principal | undefined,
    options: { readonly certain?: boolean } = {},
  ): Promise<Session> {
    if (options.certain === true) this.forget(ref);
    let session = this.#cached(ref);
    // The store is asked for somebody else's as for one that was never there: how long that takes must not tell.
    if (session === undefined || !isSamePrincipal(session.principal, principal))
      session = await this.#read(ref);
    if (session === undefined || !isSamePrincipal(session.principal, principal)) throw new SessionNotFound();
    const used = await this.activity.record(session);
    const cached = this.#cache.get(ref);
    // Unless it was dropped or read anew meanwhile: then that is the newer truth.
    if (cached?.session === session) cached.session = used;
    return used;
  }

  /** The session, read from the store within {@link SESSION_CACHE_MS}; `undefined` if it is gone. */
  async recent(ref: SessionRef): Promise<Session | undefined> {
    return this.#cached(ref) ?? this.#read(ref);
  }

  #cached(ref: SessionRef): Session | undefined {
    const now = this.#clock.now();
    const cached = this.#cache.get(ref);
    if (cached === undefined) return undefined;
    const age = now - cached.readAt;
    // A clock that was set back would have a record be new for as long.
    if (age < 0 || age >= this.#cacheMs) return undefined;
    return isExpired(cached.session, now) ? undefined : cached.session;
  }

  async #read(ref: SessionRef): Promise<Session | undefined> {
    const now = this.#clock.now();
    // Requests that come in together share one read.
    const underWay = this.#reads.get(ref);
    if (underWay !== undefined) return underWay.session;
    // Watched before it is read, so that a change while it is under way is not missed.
    const release = this.#signals.watch({ ref }, () => this.forget(ref));
    const read = new SessionRead(this.#repository.find(ref, now));
    this.#reads.set(ref, read);
    return this.#keep(ref, read, { readAt: now, release });
  }

  /** The session as the store has it now, past the cache. */
  async fresh(ref: SessionRef): Promise<Session | undefined> {
    return this.#repository.find(ref, this.#clock.now());
  }

  /**
   * Writes what a request changed about a session, and tells other instances.
   * @param change computes the changes from the session as it is stored; may be called several times
   * @throws SessionNotFound, StoreUnavailable if others keep changing it at the same time
   */
  async change(ref: SessionRef, change: (session: Session) => SessionChanges): Promise<Session> {
    // One after the other on this instance, so that only other instances are in the way.
    const before = this.#changes.get(ref);
    const changed = (before ?? Promise.resolve()).catch(() => {}).then(() => this.#change(ref, change));
    this.#changes.set(ref, changed);
    try {
      await changed;
    } finally {
      if (this.#changes.get(ref) === changed) this.#changes.delete(ref);
    }
    await this.#announce(ref);
    return changed;
  }

  async #change(ref: SessionRef, change: (session: Session) => SessionChanges): Promise<Session> {
    for (let attempt = 1; attempt <= CHANGE_ATTEMPTS; attempt += 1) {
      const session = await this.fresh(ref);
      if (session === undefined) throw new SessionNotFound();
      try {
        return await this.#repository.updateIfVersion(
          ref,
          session.version,
          change(session),
          this.#clock.now(),
        );
      } catch (error) {
        if (!(error instanceof VersionConflict)) throw error;
      }
      await pause(this.#clock, Math.random() * CHANGE_PAUSE_MS);
    }
    throw new StoreUnavailable({ cause: new Error('others keep changing this session') });
  }

  /**
   * Ends a session with all its data. Once this resolves, no instance accepts a write to it.
   * @throws SessionNotFound as {@link use}
   */
  async close(ref: SessionRef, principal: Principal | undefined): Promise<void> {
    const session = await this.recent(ref);
    if (session === undefined || !isSamePrincipal(session.principal, principal)) throw new SessionNotFound();
    const wasThere = await this.#repository.delete(ref, this.#clock.now());
    this.activity.forget(ref);
    await this.#announce(ref);
    if (!wasThere) throw new SessionNotFound();
  }

  /** Resolves when other instances may be taken to know that a session has changed. */
  async #announce(ref: SessionRef): Promise<void> {
    this.forget(ref);
    await this.#signals.publish({ ref });
    if (!this.#signals.tellsOfSessions) await pause(this.#clock, this.#cacheMs + 10);
  }

  /** Drops what is remembered of a session, so that the next look asks the store. */
  forget(ref: SessionRef): void {
    const read = this.#reads.get(ref);
    if (read !== undefined) {
      read.outdated = true;
      this.#reads.delete(ref);
    }
    this.#cache.delete(ref);
  }

  async #keep(
    ref: SessionRef,
    read: SessionRead,
    entry: Omit<CachedSession, 'session'>,
  ): Promise<Session | undefined> {
    let kept = false;
    try {
      const session = await read.session;
      if (session !== undefined && !read.outdated) {
        this.#cache.set(ref, { ...entry, session });
        kept = true;
      }
      return session;
    } finally {
      if (!kept) entry.release();
      if (this.#reads.get(ref) === read) this.#reads.delete(ref);
    }
  }

  #remember(session: Session, readAt: number): void {
    const release = this.#signals.watch({ ref: session.ref }, () => this.forget(session.ref));
    this.#cache.set(session.ref, { session, readAt, release });
  }
}

/** A look at the store that is under way. */
class SessionRead {
  readonly session: Promise<Session | undefined>;
  /** Set when the session changed after the read began, so that its answer may be the old one. */
  outdated = false;

  constructor(session: Promise<Session | undefined>) {
    this.session = session;
  }
}
