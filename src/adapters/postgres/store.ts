import type { Store } from '../../ports/store.ts';
import { Database } from './database.ts';
import { PostgresEventLog } from './event-log.ts';
import { PostgresInstances } from './instances.ts';
import { checkReadiness } from './readiness.ts';
import { PostgresSessionDirectory } from './session-directory.ts';
import { PostgresSessionRepository } from './session-repository.ts';
import { PostgresSignals } from './signals.ts';
import { Sockets } from './sockets.ts';

/** For statements under way, and for the goodbyes. */
const CLOSE_TIMEOUT_MS = 2_000;

export interface PostgresStoreOptions {
  /** `postgres://…`; what it says, such as `sslmode`, goes before the defaults. */
  readonly connectionString: string;
  /** Most connections of this instance, beside one for signals. Default: 10. */
  readonly poolMax?: number;
  /** `false` behind a pooler in transaction mode, unless it keeps track of prepared statements. Default: true. */
  readonly preparedStatements?: boolean;
  /**
   * A direct connection for signals where `connectionString` leads to a pooler; `false` where there is none:
   * signals about streams from other instances are then up to a second late, and none come about sessions.
   * Default: `connectionString`, which `check` then refuses where it leads through a pooler. One in session mode
   * may be named here all the same. Where nothing is ever heard, as in another database, `onError` is told of it
   * when the connection is made.
   */
  readonly listenConnectionString?: string | false;
  /**
   * How often all watched streams are looked at, with one statement, for what no signal told of, in ms.
   * Default: 30,000; 1,000 where `listenConnectionString` is `false`.
   */
  readonly catchUpMs?: number;
  /** Told of what fails in the background, where no caller could be: lost connections, signals not sent. */
  readonly onError?: (error: unknown) => void;
}

/**
 * A store in PostgreSQL, 15 or later. Connects when it is first used; `migrate` makes its tables. Close it when
 * what uses it is closed: statements under way get 2 s.
 *
 * @example
 * const connectionString = 'postgres://localhost/app';
 * await migrate({ connectionString });
 * const store = postgresStore({ connectionString });
 * await store.check();
 */
export function postgresStore(options: PostgresStoreOptions): Store {
  const { connectionString, onError = () => {} } = options;
  const sockets = new Sockets();
  const database = new Database({
    connectionString,
    poolMax: options.poolMax ?? 10,
    preparedStatements: options.preparedStatements ?? true,
    sockets,
    onError,
    onDoubt: () => signals.doubt(),
  });
  const signals: PostgresSignals = new PostgresSignals(database, {
    listenConnectionString: options.listenConnectionString ?? connectionString,
    catchUpMs: options.catchUpMs,
    checksArrival: options.listenConnectionString !== undefined,
    sockets,
    onError,
  });
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    signals.close();
    const idle = database.close();
    await sockets.closeWithin(CLOSE_TIMEOUT_MS);
    await idle;
  };
  return {
    name: 'postgres',
    sessions: new PostgresSessionRepository(database),
    directory: new PostgresSessionDirectory(database),
    events: new PostgresEventLog(database),
    signals,
    instances: new PostgresInstances(database),
    check: () =>
      checkReadiness(database, { listensTheSameWay: options.listenConnectionString === undefined }),
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}
