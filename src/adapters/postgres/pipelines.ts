import type pg from 'pg';
import { StoreUnavailable } from '../../domain/errors.ts';
import { connectError, domainError } from './errors.ts';

/**
 * Statements that a connection is given before another one is used. Few: one that has to wait for a lock holds up those
 * behind it.
 */
const DEPTH = 2;

/** A connection with statements under way. */
interface Pipeline {
  readonly client: Promise<pg.PoolClient>;
  underWay: number;
  isBroken: boolean;
}

/**
 * Spreads statements over few connections of a pool, each of which is sent some without waiting for answers. A server
 * process that finds its next statement when it is done with one need not be woken for it, which costs either side more
 * than many a statement does.
 *
 * Each statement is a transaction of its own, so what fails is that one alone, unless it is the connection.
 */
export class Pipelines {
  readonly #pool: pg.Pool;
  readonly #most: number;
  /** All that are in use; a connection without statements goes back to the pool. */
  readonly #inUse: Pipeline[] = [];

  constructor(pool: pg.Pool, most: number) {
    this.#pool = pool;
    this.#most = most;
  }

  /** @throws StoreUnavailable if there is no connection; else pg's own errors */
  async run<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<Row[]> {
    const pipeline = this.#withRoom();
    pipeline.underWay += 1;
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
      if (pipeline.underWay === 0) this.#release(pipeline);
    }
  }

  #withRoom(): Pipeline {
    const withRoom = this.#inUse.find(({ underWay }) => underWay < DEPTH);
    if (withRoom !== undefined) return withRoom;
    if (this.#inUse.length < this.#most) {
      const client = this.#pool.connect().catch((error: unknown) => {
        throw connectError(error);
      });
      const pipeline = { client, underWay: 0, isBroken: false };
      this.#inUse.push(pipeline);
      return pipeline;
    }
    return this.#inUse.reduce((shortest, each) => (each.underWay < shortest.underWay ? each : shortest));
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
