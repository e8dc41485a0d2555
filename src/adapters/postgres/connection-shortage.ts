import type pg from 'pg';
import { sqlState } from './errors.ts';

/** too_many_connections: of the server, the database or the role. */
const TOO_MANY = '53300';
/** How long after a refusal no further connections are asked for. */
const CONTENT_MS = 1_000;

/**
 * What becomes of a pool whose server has no room for another connection: it is content for a while with those that it
 * has, so that callers wait for one as they do where the pool is full. They would else be refused, each after an attempt
 * of its own, though a connection is free a millisecond later.
 */
export class ConnectionShortage {
  readonly #pool: pg.Pool;
  readonly #max: number;
  /** Without those that are being made. */
  #established = 0;
  #restoring: NodeJS.Timeout | undefined;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
    this.#max = pool.options.max;
    pool.on('connect', () => {
      this.#established += 1;
    });
    pool.on('remove', () => {
      this.#established -= 1;
    });
  }

  /** @returns whether there are connections to wait for, where `error` was met in making one more */
  leavesOthers(error: unknown): boolean {
    if (sqlState(error) !== TOO_MANY || this.#established === 0) return false;
    this.#pool.options.max = this.#established;
    this.#restoring ??= setTimeout(() => {
      this.#pool.options.max = this.#max;
      this.#restoring = undefined;
    }, CONTENT_MS).unref();
    return true;
  }
}
