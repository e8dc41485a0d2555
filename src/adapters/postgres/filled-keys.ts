import { LRUCache } from 'lru-cache';
import type { SessionRef } from '../../domain/session.ts';

/** At about 200 bytes each, 2 MB; 10 MB where all keys are as long as they may be. */
const KEYS = 10_000;
const SESSIONS = 10_000;

/**
 * Which keys hold a value, as far as one instance can tell from what it came by. Where that is wrong, a write costs one
 * statement more.
 */
export class FilledKeys {
  readonly #keys = new LRUCache<string, true>({ max: KEYS });
  /** Those of which the last key that was new to this instance held a value: the next one probably does. */
  readonly #sessions = new LRUCache<SessionRef, true>({ max: SESSIONS });

  probablyHas(ref: SessionRef, key: string): boolean {
    return this.#keys.has(place(ref, key)) || this.#sessions.has(ref);
  }

  /** There is a value there now. */
  add(ref: SessionRef, key: string): void {
    this.#keys.set(place(ref, key), true);
  }

  /** A writer found a value there, or none. */
  found(ref: SessionRef, key: string, isFilled: boolean): void {
    if (!isFilled) {
      this.#sessions.delete(ref);
      this.delete(ref, key);
    } else {
      if (!this.#keys.has(place(ref, key))) this.#sessions.set(ref, true);
      this.add(ref, key);
    }
  }

  delete(ref: SessionRef, key: string): void {
    this.#keys.delete(place(ref, key));
  }
}

function place(ref: SessionRef, key: string): string {
  return `${ref} ${key}`;
}
