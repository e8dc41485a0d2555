import pg from 'pg';
import { StoreUnavailable } from '../../domain/errors.ts';
import { STORE_REQUESTS_WAITING } from '../../domain/limits.ts';
import { cancelStatement } from './cancel.ts';
import { ConnectionShortage } from './connection-shortage.ts';
import {
  connectError,
  domainError,
  isPreparedForOtherTables,
  isUnanswered,
  READ_ONLY,
  sqlState,
} from './errors.ts';
import { LOST_RACE, untilCertain } from './retry.ts';
import type { Sockets } from './sockets.ts';
import type { Statement } from './statement.ts';
import { SuspectedStandbys } from './suspected-standbys.ts';

/** serialization_failure and deadlock_detected: the statement was rolled back and may be repeated as it is. */
const REPEATABLE_STATES: readonly (string | undefined)[] = ['40001', '40P01'];

const CONNECT_TIMEOUT_MS = 5_000;
/** For how long whoever was refused another connection waits anew for one of those that there are. */
const SHORTAGE_MS = 2_000;
const STATEMENT_TIMEOUT_MS = 10_000;
/**
 * Later than the server's own timeout, which cancels the statement: where the server does not answer at all, or a
 * pooler is in between, which may have no such timeout.
 */
const ANSWER_TIMEOUT_MS = 12_000;

export interface DatabaseOptions {
  readonly connectionString: string;
  readonly poolMax: number;
  readonly preparedStatements: boolean;
  /** When a statement is given up that has no answer, in ms. Default: 12,000. */
  readonly answerTimeoutMs?: number;
  readonly sockets: Sockets;
  readonly onError: (error: unknown) => void;
  /** A statement had no answer, or met a server that may only be read: other connections may lead there too. */
  readonly onDoubt?: () => void;
}

/**
 * Whether a connection on which `error` was met can serve others. pool.query() would throw it away on every error; after
 * one that the server answered with it is fine. After any other, nobody knows in the midst of what it is.
 */
function isStillGood(error: unknown): boolean {
  return (
    sqlState(error) !== undefined &&
    !isPreparedForOtherTables(error) &&
    !(domainError(error) instanceof StoreUnavailable)
  );
}

/** The connections of one store instance, and the one way in which its statements are run. */
export class Database {
  readonly #pool: pg.Pool;
  readonly #named: boolean;
  readonly #sockets: Sockets;
  readonly #onDoubt: () => void;
  /** Once it is known it stays so. */
  #pooled: boolean | undefined;
  /** Of those who wait in the pool's queue: once it is ending, it gives them nothing, and has them wait all the same. */
  readonly #refusals = new Set<(error: Error) => void>();
  readonly #standbys = new SuspectedStandbys();
  readonly #shortage: ConnectionShortage;

  constructor(options: DatabaseOptions) {
    this.#named = options.preparedStatements;
    this.#sockets = options.sockets;
    this.#onDoubt = options.onDoubt ?? (() => {});
    this.#pool = new pg.Pool({
      connectionString: options.connectionString,
      max: options.poolMax,
      application_name: 'durable-mcp',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
      keepAlive: true,
      stream: options.sockets.create,
      // A startup parameter, which PgBouncer refuses; a pooler is where prepared statements are off.
      ...(options.preparedStatements ? { statement_timeout: STATEMENT_TIMEOUT_MS } : {}),
    });
    this.#shortage = new ConnectionShortage(this.#pool);
    // Without listeners an idle connection that breaks, or one that breaks in use, would end the process.
    this.#pool.on('error', options.onError);
    this.#pool.on('connect', (client) => {
      client.on('error', () => {});
      this.#standbys.connected(client);
    });
  }

  /**
   * Runs one statement in a transaction of its own.
   * @throws the domain's errors, or pg's own where they are neither of the store's state nor known
   */
  async run<Values extends object, Row>(statement: Statement<Values, Row>, values: Values): Promise<Row[]> {
    return untilCertain(async () => {
      try {
        return await this.#query(statement, values);
      } catch (error) {
        if (REPEATABLE_STATES.includes(sqlState(error)) || isPreparedForOtherTables(error)) return LOST_RACE;
        throw domainError(error);
      }
    });
  }

  /**
   * Whether a pooler is in between: it makes up the process id that a connection begins with.
   * @throws the domain's errors, or pg's own where they are neither of the store's state nor known
   */
  async isPooled(): Promise<boolean> {
    try {
      this.#pooled ??= await this.#onConnection(async (client) => {
        const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
        return rows[0]?.pid !== (client as unknown as { readonly processID: number }).processID;
      });
      return this.#pooled;
    } catch (error) {
      throw domainError(error);
    }
  }

  #query<Values extends object, Row>(
    { name, text, parameters }: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    const query = { text, values: parameters.map((parameter) => values[parameter]) };
    return this.#onConnection(async (client) => {
      const { rows } = await client.query(this.#named ? { name, ...query } : query);
      return rows;
    });
  }

  async #onConnection<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      if (sqlState(error) === READ_ONLY) this.#standbys.suspect();
      if (sqlState(error) === READ_ONLY || isUnanswered(error)) this.#onDoubt();
      if (isUnanswered(error)) void this.#abandon(client);
      else client.release(!isStillGood(error));
      throw error;
    }
  }

  /** A pooler lets no cancellation through any more once the connection is closed. */
  async #abandon(client: pg.PoolClient): Promise<void> {
    await cancelStatement(client, this.#sockets);
    client.release(true);
  }

  async #connect(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await this.#nextConnection();
      if (!this.#standbys.includes(client)) return client;
      client.release(true);
    }
  }

  async #nextConnection(): Promise<pg.PoolClient> {
    if (this.#pool.waitingCount >= STORE_REQUESTS_WAITING) {
      throw new StoreUnavailable({ cause: new Error(`${STORE_REQUESTS_WAITING} statements wait already`) });
    }
    const start = performance.now();
    for (;;) {
      try {
        return await this.#fromPool();
      } catch (error) {
        const isInTime = performance.now() - start < SHORTAGE_MS;
        if (!this.#shortage.leavesOthers(error) || !isInTime) throw connectError(error);
      }
    }
  }

  #fromPool(): Promise<pg.PoolClient> {
    const queued = this.#pool.waitingCount;
    const connected = this.#pool.connect();
    return this.#pool.waitingCount > queued ? this.#unlessRefused(connected) : connected;
  }

  #unlessRefused(connected: Promise<pg.PoolClient>): Promise<pg.PoolClient> {
    return new Promise((resolve, reject) => {
      this.#refusals.add(reject);
      connected.then(
        (client) => {
          // It may have been on its way.
          if (this.#refusals.delete(reject)) resolve(client);
          else client.release();
        },
        (error: unknown) => {
          if (this.#refusals.delete(reject)) reject(error);
        },
      );
    });
  }

  /** Refuses new statements and those that wait for others, and resolves when those under way are done. */
  async close(): Promise<void> {
    const ended = this.#pool.end();
    for (const refuse of this.#refusals) refuse(new Error('the store is being closed'));
    this.#refusals.clear();
    await ended;
  }
}
