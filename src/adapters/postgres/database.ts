import pg from 'pg';
import { domainError, sqlState } from './errors.ts';
import { Pipelines } from './pipelines.ts';
import { LOST_RACE, untilCertain } from './retry.ts';
import type { Sockets } from './sockets.ts';
import type { Statement } from './statement.ts';

/** The statement was rolled back or never run, and may be repeated as it is. */
const REPEATABLE_STATES: readonly (string | undefined)[] = [
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '26000', // invalid_sql_statement_name: the one before it on its connection was to prepare it, and failed
  '42P05', // duplicate_prepared_statement: pg took it for unprepared, since another one failed at the same time
];

const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 10_000;
/** Only where the server does not answer at all: later than its own timeout, which cancels the statement. */
const ANSWER_TIMEOUT_MS = 12_000;

/** Older releases of pg would keep the statements of one connection back, and send one at a time. */
const PIPELINES = (new pg.Client({ pipeline: true }) as { readonly pipeline?: boolean }).pipeline === true;

export interface DatabaseOptions {
  readonly connectionString: string;
  readonly poolMax: number;
  readonly preparedStatements: boolean;
  readonly sockets: Sockets;
  readonly onError: (error: unknown) => void;
}

/** The connections of one store instance, and the one way in which its statements are run. */
export class Database {
  readonly #pool: pg.Pool;
  readonly #pipelines: Pipelines;
  readonly #named: boolean;

  constructor(options: DatabaseOptions) {
    this.#named = options.preparedStatements;
    // Not through a pooler: it may give each statement another connection.
    const pipeline = options.preparedStatements && PIPELINES;
    this.#pool = new pg.Pool({
      connectionString: options.connectionString,
      max: options.poolMax,
      application_name: 'durable-mcp',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
      stream: options.sockets.create,
      pipeline,
      // A startup parameter, which PgBouncer refuses; a pooler is where prepared statements are off.
      ...(options.preparedStatements ? { statement_timeout: STATEMENT_TIMEOUT_MS } : {}),
    });
    // Without listeners an idle connection that breaks, or one that breaks in use, would end the process.
    this.#pool.on('error', options.onError);
    this.#pool.on('connect', (client) => client.on('error', () => {}));
    this.#pipelines = new Pipelines(this.#pool, pipeline ? options.poolMax : undefined);
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
        if (REPEATABLE_STATES.includes(sqlState(error))) return LOST_RACE;
        throw domainError(error);
      }
    });
  }

  async #query<Values extends object, Row>(
    { name, text, parameters, isBrief }: Statement<Values, Row>,
    values: Values,
  ): Promise<Row[]> {
    const query = { text, values: parameters.map((parameter) => values[parameter]) };
    return this.#pipelines.run<Row & pg.QueryResultRow>(this.#named ? { name, ...query } : query, {
      isBrief,
    });
  }

  /** Refuses new statements, and resolves when those under way are done. */
  async close(): Promise<void> {
    await this.#pool.end();
  }
}
