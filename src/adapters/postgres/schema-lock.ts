import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { StoreUnavailable } from '../../domain/errors.ts';
import { connectError, domainError, sqlState } from './errors.ts';

/** Any number, the same for all versions of this code. */
const SCHEMA_LOCK = 7_283_400_002;
const PATIENCE_MS = 60_000;
/** A change that waits for a table's lock makes all that comes later wait behind it: not for long. */
const TABLE_LOCK_TIMEOUT = '2s';
/** Of a machine that vanished nobody ends the connection: for so long it keeps its locks. */
const SILENCE_MS = 30_000;
const BETWEEN_ATTEMPTS_MS = 500;
const CONNECT_TIMEOUT_MS = 5_000;

/** lock_not_available, serialization_failure, deadlock_detected: all was rolled back and may be repeated. */
const REPEATABLE_STATES: readonly (string | undefined)[] = ['55P03', '40001', '40P01'];

/**
 * Runs `work` in one transaction while no one else changes the schema. The lock is the transaction's, and so is
 * every setting: a pooler in transaction mode may be in between, and of a process that dies nothing is left.
 * The server ends it where it hears nothing for `silenceMs` (30,000 by default), since a machine may vanish unseen.
 * `work` begins anew, up to 60 s, where other transactions hold locks on its tables or it deadlocked with them.
 *
 * @throws the domain's errors, or pg's own where they are neither of the store's state nor known
 */
export async function underSchemaLock<T>(
  connectionString: string,
  work: (client: pg.Client) => Promise<T>,
  { silenceMs = SILENCE_MS }: { readonly silenceMs?: number } = {},
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
    return await untilUnhindered(() => inTransaction(client, work, silenceMs));
  } catch (error) {
    throw domainError(error);
  } finally {
    await client.end().catch(() => {});
  }
}

async function inTransaction<T>(
  client: pg.Client,
  work: (client: pg.Client) => Promise<T>,
  silenceMs: number,
): Promise<T> {
  // Whoever waited for the lock must then see what its holder did, whatever the database's default is.
  await client.query('begin isolation level read committed');
  try {
    // A role's own limits are for callers' statements: an index on a large table takes longer. Not every version of the
    // server has both.
    await client.query(
      `select set_config(name, '0', true) from pg_settings where name in ('statement_timeout', 'transaction_timeout')`,
    );
    await client.query(`set local idle_in_transaction_session_timeout = ${silenceMs}`);
    await client.query(`set local lock_timeout = ${PATIENCE_MS}`);
    await client.query('select pg_advisory_xact_lock($1)', [SCHEMA_LOCK]);
    await client.query(`set local lock_timeout = '${TABLE_LOCK_TIMEOUT}'`);
    await client.query('set local search_path to public');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    // Where that fails too, the connection is lost, and the transaction with it.
    await client.query('rollback').catch(() => {});
    throw error;
  }
}

async function untilUnhindered<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!REPEATABLE_STATES.includes(sqlState(error))) throw error;
      if (performance.now() > deadline) {
        const held = `Another setup or a long transaction held a lock for ${PATIENCE_MS / 1_000} s`;
        throw new StoreUnavailable({ cause: new Error(held, { cause: error }) });
      }
      await pause(BETWEEN_ATTEMPTS_MS * (0.5 + Math.random()));
    }
  }
}
