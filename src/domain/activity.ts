import type { Clock } from '../ports/clock.ts';
import type { SessionRepository, Touch } from '../ports/session-repository.ts';
import { GatheredTouches } from './gathered-touches.ts';
import { idleTime, type Session, type SessionRef, slidExpiry } from './session.ts';

/** A session's expiry is written at most this often, however busy it is. */
const LONGEST_INTERVAL_MS = 60_000;
/** An open stream is written down as use this often at least. */
const LONGEST_HOLD_MS = 6 * 60 * 60 * 1_000;

/** What must be known of a session to write down that it is used. */
type UsedSession = Pick<Session, 'ref' | 'endsAt' | 'idleMs'>;

/**
 * Turns the use of sessions into few writes.
 *
 * The first use after an interval is written before the request goes on; uses within it are gathered and
 * written together at its end. So the stored expiry is never more than one interval (a quarter of the session's
 * idle time at most) behind, and an idle session lives for its full idle time after its last use.
 */
export class Activity {
  readonly #repository: SessionRepository;
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #gathered: GatheredTouches;
  readonly #writing = new Map<SessionRef, { readonly touch: Touch; readonly done: Promise<void> }>();
  /** By how often they are written. */
  readonly #holds = new Map<number, Set<UsedSession>>();

  constructor(options: {
    readonly repository: SessionRepository;
    readonly clock: Clock;
    /** Of sessions that have no idle time of their own. */
    readonly idleMs: number;
    /** Told of a gathered write that failed; it is tried again an interval later. */
    readonly onError: (error: unknown) => void;
  }) {
    this.#repository = options.repository;
    this.#clock = options.clock;
    this.#idleMs = options.idleMs;
    this.#gathered = new GatheredTouches(options);
  }

  /**
   * Notes that `session` is used now.
   * @returns the session, with its times slid where that was written
   * @throws StoreUnavailable if a write was due and failed
   */
  async record(session: Session): Promise<Session> {
    const now = this.#clock.now();
    const touch = this.#touchOf(session, now);
    const intervalMs = this.#intervalOf(session, LONGEST_INTERVAL_MS);
    if (now - session.lastSeenAt < intervalMs) {
      this.#gathered.add(touch, intervalMs);
      return session;
    }
    await this.#writeOnce(touch, intervalMs);
    return {
      ...session,
      lastSeenAt: Math.max(session.lastSeenAt, now),
      expiresAt: Math.max(session.expiresAt, touch.expiresAt),
    };
  }

  /**
   * Counts `session` as used until the returned function is called: a client that is connected to a stream need
   * not say anything. Written a few times in the idle time, for all held sessions of that idle time together.
   */
  hold(session: UsedSession): () => void {
    const hold = { ref: session.ref, endsAt: session.endsAt, idleMs: session.idleMs };
    const everyMs = this.#intervalOf(session, LONGEST_HOLD_MS);
    const held = this.#holds.get(everyMs) ?? this.#beginHolding(everyMs);
    held.add(hold);
    return () => {
      // The idle time begins when the client leaves.
      if (held.delete(hold)) this.#gather(hold);
    };
  }

  /** Writes what is gathered. @throws StoreUnavailable; what was gathered is then kept */
  flush(): Promise<void> {
    return this.#gathered.writeAll();
  }

  /** Writes what is gathered of one session. @throws StoreUnavailable; it is then kept */
  flushOf(ref: SessionRef): Promise<void> {
    return this.#gathered.write(ref);
  }

  /** Forgets a session that has ended. */
  forget(ref: SessionRef): void {
    this.#gathered.drop(ref);
  }

  #intervalOf(session: UsedSession, longestMs: number): number {
    return Math.min(longestMs, Math.floor(idleTime(session, this.#idleMs) / 4));
  }

  #touchOf(session: UsedSession, now: number): Touch {
    return { ref: session.ref, lastSeenAt: now, expiresAt: slidExpiry(session, now, this.#idleMs) };
  }

  #gather(session: UsedSession): void {
    const intervalMs = this.#intervalOf(session, LONGEST_INTERVAL_MS);
    this.#gathered.add(this.#touchOf(session, this.#clock.now()), intervalMs);
  }

  #beginHolding(everyMs: number): Set<UsedSession> {
    const held = new Set<UsedSession>();
    this.#holds.set(everyMs, held);
    this.#scheduleHeld(everyMs, held);
    return held;
  }

  #scheduleHeld(everyMs: number, held: ReadonlySet<UsedSession>): void {
    this.#clock.schedule(everyMs, () => {
      if (held.size === 0) {
        this.#holds.delete(everyMs);
        return;
      }
      for (const session of held) this.#gather(session);
      this.#scheduleHeld(everyMs, held);
      void this.#gathered.writeDue(Math.min(LONGEST_INTERVAL_MS, everyMs));
    });
  }

  /** Of many requests that find a session's write due, one writes and the others wait for it. */
  async #writeOnce(touch: Touch, intervalMs: number): Promise<void> {
    const underWay = this.#writing.get(touch.ref);
    if (underWay !== undefined) {
      // What is being written is the use of an earlier moment.
      if (touch.lastSeenAt > underWay.touch.lastSeenAt) this.#gathered.add(touch, intervalMs);
      return underWay.done;
    }
    const done = this.#write(touch).finally(() => this.#writing.delete(touch.ref));
    this.#writing.set(touch.ref, { touch, done });
    return done;
  }

  async #write(touch: Touch): Promise<void> {
    await this.#repository.touch([touch], this.#clock.now());
    this.#gathered.drop(touch.ref, touch.lastSeenAt);
  }
}
