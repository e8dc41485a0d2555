import type { Clock } from '../ports/clock.ts';
import type { SessionRepository, Touch } from '../ports/session-repository.ts';
import { type Session, type SessionRef, slidExpiry } from './session.ts';

/** A session's expiry is written at most this often, however busy it is. */
const LONGEST_INTERVAL_MS = 60_000;

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
    const touch: Touch = {
      ref: session.ref,
      lastSeenAt: now,
      expiresAt: slidExpiry(session, now, this.#idleMs),
    };
    if (now - session.lastSeenAt < this.intervalMs) {
      this.#gathered.set(session.ref, touch);
      this.#cancelFlush ??= this.#clock.schedule(this.intervalMs, () => void this.#flushOnSchedule());
    } else {
      await this.#writeOnce(touch, now);
    }
    return {
      ...session,
      lastSeenAt: Math.max(session.lastSeenAt, now),
      expiresAt: Math.max(session.expiresAt, touch.expiresAt),
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
    this.#cancelFlush = undefined;
    try {
      await this.flush();
    } catch (error) {
      this.#onError(error);
      this.#cancelFlush ??= this.#clock.schedule(this.intervalMs, () => void this.#flushOnSchedule());
    }
  }
}
