import type { SessionDirectory } from '../ports/session-directory.ts';
import { QuotaExceeded } from './errors.ts';
import type { Principal } from './principal.ts';

/** The creations of one principal that are under way on this instance. */
interface Creations {
  underWay: number;
  /** Settles when all that began so far are over. */
  over: Promise<unknown>;
}

/**
 * How many sessions a principal may have. They are counted before one is created, with one look at the directory. On
 * one instance never more come to be: creations know of each other. Those that are under way on other instances at the
 * same moment are not seen, so N instances may together exceed the limit by as many as N - 1 of them create at one
 * time, which is at most N - 1 times the limit.
 */
export class SessionQuota {
  readonly #directory: SessionDirectory;
  readonly #most: number;
  readonly #creations = new Map<string, Creations>();

  constructor(directory: SessionDirectory, most: number) {
    this.#directory = directory;
    this.#most = most;
  }

  /**
   * Runs `create` if there is room for what it creates.
   * @throws QuotaExceeded, StoreUnavailable, StoreNotSetUp, and what `create` throws
   */
  async within<T>(principal: Principal, now: number, create: () => Promise<T>): Promise<T> {
    const key = JSON.stringify([principal.issuer, principal.subject]);
    const creations = this.#creations.get(key) ?? { underWay: 0, over: Promise.resolve() };
    const ahead = { count: creations.underWay, over: creations.over };
    const created = this.#createAfter(ahead, principal, now, create);
    this.#creations.set(key, creations);
    creations.underWay += 1;
    creations.over = Promise.allSettled([ahead.over, created]).then(() => {});
    try {
      return await created;
    } finally {
      creations.underWay -= 1;
      if (creations.underWay === 0) this.#creations.delete(key);
    }
  }

  async #createAfter<T>(
    ahead: { readonly count: number; readonly over: Promise<unknown> },
    principal: Principal,
    now: number,
    create: () => Promise<T>,
  ): Promise<T> {
    let stored = await this.#count(principal, now);
    if (stored < this.#most && stored + ahead.count >= this.#most) {
      // What those ahead of this one have stored may be counted already, or not be stored at all.
      await ahead.over;
      stored = await this.#count(principal, now);
    }
    if (stored >= this.#most) {
      throw new QuotaExceeded(
        `sessions: you have ${this.#most} sessions already, the most allowed. End one, or wait until one expires.`,
        this.#most,
      );
    }
    return create();
  }

  #count(principal: Principal, now: number): Promise<number> {
    return this.#directory.count(principal, this.#most, now);
  }
}
