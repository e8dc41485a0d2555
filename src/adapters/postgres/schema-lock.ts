import { DrizzleQueryError } from 'drizzle-orm/errors';
import pg from 'pg';
import { StoreUnavailable } from '../../domain/errors.ts';
import { connectError, domainError, sqlState } from './errors.ts';

/** Any number, the same for all versions of this code. */
const SCHEMA_LOCK = 7_283_400_002;
const LOCK_TIMEOUT = '60s';
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Runs `work` on one connection while no one else changes the schema: drizzle's migrator has no lock of its
 * own, and of five that ran at once four failed. The lock belongs to the connection and ends with it, however
 * the process dies. Behind a pooler in transaction mode there is no such lock: give a direct connection.
 */
export async function underSchemaLock<T>(
  connectionString: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString,
    application_name: 'durable-mcp setup',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    throw connectError(error);
  }
  try {
    // For the statements of `work` too: rather an error than a queue of the application behind a waiting DDL.
    await client.query(`set lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query('set search_path to public');
    await client.query('select pg_advisory_lock($1)', [SCHEMA_LOCK]);
    return await work(client);
  } catch (thrown) {
    // The migrator wraps what pg threw.
    const error = thrown instanceof DrizzleQueryError ? thrown.cause : thrown;
    if (sqlState(error) === '55P03') {
      throw new StoreUnavailable({
        cause: new Error(`Another setup or a long transaction held a lock for ${LOCK_TIMEOUT}`, {
          cause: error,
        }),
      });
    }
    throw domainError(error);
  } finally {
    await client.end().catch(() => {});
  }
}
