import type { Clock } from '../ports/clock.ts';
import type { SessionRepository, Touch } from '../ports/session-repository.ts';
import { type Session, type SessionRef, slidExpiry } from './session.ts';

/** A session's expiry is written at most this often, however busy it is. */
const LONGEST_INTERVAL_MS = 60_000;
/** An open stream is written down as use this often at least. */
const LONGEST_HOLD_MS = 6 * 60 * 60 * 1_000;

/**
 * Turns the use of sessions into few writes.
 *
 * The first use after an interval is written before the request goes on; uses within it are gathered and
 * written together at its end. So the stored expiry is never more than one interval (a quarter of the idle
 * time at most) behind, and an idle session lives for its full idle time after its last use.
 */
export class Activity {
  readonly intervalMs: number;
  readonly #repository: SessionRepository;
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #onError: (error: unknown) => void;
  readonly #gathered = new Map<SessionRef, Touch>();
  readonly #writing = new Map<SessionRef, Promise<void>>();
  readonly #holds = new Set<Pick<Session, 'ref' | 'endsAt'>>();
  #cancelHold: (() => void) | undefined;
  #cancelFlush: (() => void) | undefined;

  constructor(options: {
    readonly repository: SessionRepository;
    readonly clock: Clock;
    readonly idleMs: number;
    /** Told of a gathered write that failed; it is tried again an interval later. */
    readonly onError: (error: unknown) => void;
  }) {
    this.#repository = options.repository;
    this.#clock = options.clock;
    this.#idleMs = options.idleMs;
    this.#onError = options.onError;
    this.intervalMs = Math.min(LONGEST_INTERVAL_MS, Math.floor(options.idleMs / 4));
  }

  /**
   * Notes that `session` is used now.
   * @returns the session with its times slid
   * @throws StoreUnavailable if a write was due and failed
   */
  async record(session: Session): Promise<Session> {
    const now = this.#clock.now();
    const touch = this.#touchOf(session, now);
    if (now - session.lastSeenAt < this.intervalMs) {
      this.#gather(touch);
    } else {
      await this.#writeOnce(touch, now);
    }
    return {
      ...session,
      lastSeenAt: Math.max(session.lastSeenAt, now),
      expiresAt: Math.max(session.expiresAt, touch.expiresAt),
    };
  }

  /**
   * Counts `session` as used until the returned function is called: a client that is connected to a stream need
   * not say anything. Written a few times in the idle time, for all held sessions together.
   */
  hold(session: Pick<Session, 'ref' | 'endsAt'>): () => void {
    const hold = { ref: session.ref, endsAt: session.endsAt };
    this.#holds.add(hold);
    this.#scheduleHolds();
    return () => {
      // The idle time begins when the client leaves.
      if (this.#holds.delete(hold)) this.#gather(this.#touchOf(hold, this.#clock.now()));
    };
  }

  /** Writes what is gathered. @throws StoreUnavailable; what was gathered is then kept */
  async flush(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    const touches = [...this.#gathered.values()];
    if (touches.length === 0) return;
    this.#gathered.clear();
    try {
      await this.#repository.touch(touches, this.#clock.now());
    } catch (error) {
      for (const touch of touches) {
        if (!this.#gathered.has(touch.ref)) this.#gathered.set(touch.ref, touch);
      }
      throw error;
    }
  }

  /** Forgets a session that has ended. */
  forget(ref: SessionRef): void {
    this.#gathered.delete(ref);
  }

  #touchOf(session: Pick<Session, 'ref' | 'endsAt'>, now: number): Touch {
    return { ref: session.ref, lastSeenAt: now, expiresAt: slidExpiry(session, now, this.#idleMs) };
  }

  #gather(touch: Touch): void {
    this.#gathered.set(touch.ref, touch);
    this.#cancelFlush ??= this.#clock.schedule(this.intervalMs, () => void this.#flushOnSchedule());
  }

  #scheduleHolds(): void {
    const intervalMs = Math.min(LONGEST_HOLD_MS, Math.floor(this.#idleMs / 4));
    this.#cancelHold ??= this.#clock.schedule(intervalMs, () => {
      this.#cancelHold = undefined;
      if (this.#holds.size === 0) return;
      const now = this.#clock.now();
      for (const session of this.#holds) this.#gathered.set(session.ref, this.#touchOf(session, now));
      this.#scheduleHolds();
      void this.#flushOnSchedule();
    });
  }

  /** Of many requests that find a session's write due, one writes and the others wait for it. */
  async #writeOnce(touch: Touch, now: number): Promise<void> {
    const underWay = this.#writing.get(touch.ref);
    if (underWay !== undefined) return underWay;
    this.#gathered.delete(touch.ref);
    const write = this.#repository.touch([touch], now).finally(() => this.#writing.delete(touch.ref));
    this.#writing.set(touch.ref, write);
    return write;
  }

  async #flushOnSchedule(): Promise<void> {
    try {
      await this.flush();
    } catch (error) {
      this.#onError(error);
      this.#cancelFlush ??= this.#clock.schedule(this.intervalMs, () => void this.#flushOnSchedule());
    }
  }
}
