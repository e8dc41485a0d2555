import type { CachedSession, SessionCache } from '../ports/session-cache.ts';
import type { SessionRef } from './session.ts';

/**
 * A cache of session records that keeps none for long that are too old to be served: sessions that were opened and left
 * would else fill it. With each record that comes in, those go that are out of date by then.
 */
export class FreshSessions implements SessionCache {
  readonly #cache: SessionCache;
  readonly #forMs: number;
  /** In the order in which they came in. */
  readonly #kept = new Map<SessionRef, CachedSession>();

  /** @param forMs how long after it was read a record may be served */
  constructor(cache: SessionCache, forMs: number) {
    this.#cache = cache;
    this.#forMs = forMs;
  }

  get(ref: SessionRef): CachedSession | undefined {
    return this.#cache.get(ref);
  }

  set(ref: SessionRef, entry: CachedSession): void {
    this.#kept.delete(ref);
    this.#kept.set(ref, entry);
    this.#cache.set(ref, entry);
    this.#dropOlderThan(entry.readAt - this.#forMs);
  }

  delete(ref: SessionRef): void {
    this.#kept.delete(ref);
    this.#cache.delete(ref);
  }

  #dropOlderThan(readAt: number): void {
    for (const [ref, entry] of this.#kept) {
      if (entry.readAt > readAt) return;
      this.delete(ref);
    }
  }
}
