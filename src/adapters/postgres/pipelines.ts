import type pg from 'pg';
import { StoreUnavailable } from '../../domain/errors.ts';
import { connectError, domainError } from './errors.ts';
import type { Statement } from './statement.ts';

/** Brief statements that a connection is given before another one is used. */
const DEPTH = 8;
/** A connection without an answer for this long is given none: even a brief statement can come upon a lock. */
const STALL_MS = 20;

/** A connection with statements under way. */
interface Pipeline {
  readonly client: Promise<pg.PoolClient>;
  underWay: number;
  /** False once it has a statement that may hold up those behind it. */
  isOpen: boolean;
  isBroken: boolean;
  /** When it was connected or had its last answer, by `performance.now()`; infinite before. */
  progressedAt: number;
}

/**
 * Spreads statements over few connections of a pool, each of which is sent some without waiting for answers. A server
 * process that finds its next statement when it is done with one need not be woken for it, which costs either side more
 * than many a statement does. What is not brief has nothing sent behind it, as long as there are other connections.
 *
 * Each statement is a transaction of its own, so what fails is that one alone, unless it is the connection.
 */
export class Pipelines {
  readonly #pool: pg.Pool;
  readonly #most: number | undefined;
  /** All that are in use; a connection without statements goes back to the pool. */
  readonly #inUse: Pipeline[] = [];

  /** @param most `undefined` where statements cannot travel together: each has a connection to itself, or waits for one */
  constructor(pool: pg.Pool, most: number | undefined) {
    this.#pool = pool;
    this.#most = most;
  }

  /** @throws StoreUnavailable if there is no connection; else pg's own errors */
  async run<Row extends pg.QueryResultRow>(
    query: pg.QueryConfig,
    { isBrief }: Pick<Statement<never, unknown>, 'isBrief'>,
  ): Promise<Row[]> {
    // A connection that is still in use would take it, and be in use for ever.
    if (this.#pool.ending) throw new StoreUnavailable({ cause: new Error('The store is closed') });
    const pipeline = (isBrief ? this.#withRoom() : undefined) ?? this.#unused() ?? this.#shortest();
    pipeline.underWay += 1;
    pipeline.isOpen &&= isBrief;
    try {
      const client = await pipeline.client;
      const { rows } = await client.query<Row>(query);
      return rows;
    } catch (error) {
      // pool.query() would throw the connection away on every error; one that the server answered with is fine.
      if (domainError(error) instanceof StoreUnavailable) this.#abandon(pipeline);
      throw error;
    } finally {
      pipeline.underWay -= 1;
      pipeline.progressedAt = performance.now();
      if (pipeline.underWay === 0) this.#release(pipeline);
    }
  }

  #withRoom(): Pipeline | undefined {
    if (this.#most === undefined) return undefined;
    const isAlive = this.#isAlive();
    return this.#inUse.find((each) => each.underWay < DEPTH && isAlive(each));
  }

  #unused(): Pipeline | undefined {
    if (this.#inUse.length === this.#most) return undefined;
    const client = this.#pool.connect().catch((error: unknown) => {
      throw connectError(error);
    });
    const pipeline = { client, underWay: 0, isOpen: true, isBroken: false, progressedAt: Infinity };
    client.then(
      () => {
        pipeline.progressedAt = performance.now();
      },
      () => {},
    );
    this.#inUse.push(pipeline);
    return pipeline;
  }

  #shortest(): Pipeline {
    const alive = this.#inUse.filter(this.#isAlive());
    // Behind one that may have to wait only where there is nothing else.
    const candidates = alive.length > 0 ? alive : this.#inUse;
    return candidates.reduce((shortest, each) => (each.underWay < shortest.underWay ? each : shortest));
  }

  #isAlive(): (pipeline: Pipeline) => boolean {
    const since = performance.now() - STALL_MS;
    return ({ isOpen, progressedAt }) => isOpen && progressedAt > since;
  }

  /** Gives it nothing more to do. */
  #abandon(pipeline: Pipeline): void {
    pipeline.isBroken = true;
    this.#remove(pipeline);
  }

  #release(pipeline: Pipeline): void {
    this.#remove(pipeline);
    pipeline.client.then((client) => client.release(pipeline.isBroken)).catch(() => {});
  }

  #remove(pipeline: Pipeline): void {
    const index = this.#inUse.indexOf(pipeline);
    if (index >= 0) this.#inUse.splice(index, 1);
  }
}
