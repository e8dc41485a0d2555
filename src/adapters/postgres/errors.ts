import pg from 'pg';
import { SessionNotFound, StoreNotSetUp, StoreUnavailable } from '../../domain/errors.ts';

/** For operators of the service, and for authors who installed the library. */
export const MIGRATE_COMMAND = 'npm run migrate (in code: migrate of durable-mcp/postgres)';

/** read_only_sql_transaction: a standby, or a primary that is being replaced. */
export const READ_ONLY = '25006';

const UNAVAILABLE_STATES: readonly string[] = [
  READ_ONLY,
  '25P03', // idle_in_transaction_session_timeout
  '25P04', // transaction_timeout
  '40001', // serialization_failure, when repeating did not help
  '40P01', // deadlock_detected, likewise
  '55P03', // lock_not_available
  '57014', // query_canceled: statement_timeout
];
/** Connection, authorization, resources, operator intervention, system error. */
const UNAVAILABLE_CLASSES: readonly string[] = ['08', '28', '53', '57P', '58'];

/** What pg says in plain errors without a code. */
const CONNECTION_LOST =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout|timeout expired|timeout exceeded when trying to connect|Cannot use a pool after calling end|received invalid response)/;

/** Of a TLS connection, or a socket, that broke by itself. */
const BROKEN_STREAM = /^ERR_(SSL|TLS|STREAM|SOCKET)_/;

/** Whether pg gave up waiting for the answer: the statement may run on. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}

/** The SQLSTATE of an error that the server sent. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/**
 * Whether a statement that is prepared on its connection does not fit the tables any more, whose columns have another
 * type since: it was not executed, and never will be on that connection.
 */
export function isPreparedForOtherTables(error: unknown): boolean {
  // 0A000 is feature_not_supported, whatever that is; the message may be in any language.
  return sqlState(error) === '0A000' && (error as pg.DatabaseError).routine === 'RevalidateCachedQuery';
}

/** The domain's error for what pg threw. What is not a state of the store is a bug and is returned as it is. */
export function domainError(error: unknown): unknown {
  const state = sqlState(error);
  if (state === undefined) return isConnectionLost(error) ? new StoreUnavailable({ cause: error }) : error;
  switch (state) {
    case '23503':
      // Every foreign key leads to the session: it was deleted between the snapshot and the write.
      return new SessionNotFound();
    case '3D000':
      return new StoreNotSetUp('The database does not exist', `createdb, then ${MIGRATE_COMMAND}`, {
        cause: error,
      });
    case '3F000':
    case '42P01':
    case '42703':
      return new StoreNotSetUp(
        'Tables of the session store are missing or of an older version',
        MIGRATE_COMMAND,
        {
          cause: error,
        },
      );
  }
  const unavailable =
    UNAVAILABLE_STATES.includes(state) || UNAVAILABLE_CLASSES.some((prefix) => state.startsWith(prefix));
  return unavailable ? new StoreUnavailable({ cause: error }) : error;
}

/** The same for what happens while a connection is made, where also a TLS or an unknown failure is one. */
export function connectError(error: unknown): unknown {
  const mapped = domainError(error);
  // A connection string that cannot be parsed is a TypeError: waiting would not help.
  return mapped === error && error instanceof Error && !(error instanceof TypeError)
    ? new StoreUnavailable({ cause: error })
    : mapped;
}

function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // ECONNREFUSED, ECONNRESET, ETIMEDOUT, EPIPE, ENOTFOUND …: all of Node's network errors name a system call.
  if ('syscall' in error || isAggregateOfSystemErrors(error)) return true;
  return CONNECTION_LOST.test(error.message) || ('code' in error && BROKEN_STREAM.test(String(error.code)));
}

/** What Node throws when it tried several addresses of one name. */
function isAggregateOfSystemErrors(error: Error): boolean {
  return error instanceof AggregateError && error.errors.every(isConnectionLost);
}
