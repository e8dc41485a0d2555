import { randomBytes } from 'node:crypto';
import { getTableName } from 'drizzle-orm';
import pg from 'pg';
import { inject } from 'vitest';
import { tables } from '../../src/adapters/postgres/schema.ts';
import { type PostgresStoreOptions, postgresStore } from '../../src/adapters/postgres/store.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually } from '../contract/fixtures.ts';
import type { HarnessFactory } from '../contract/harness.ts';
import { databaseUrl } from './postgres-global-setup.ts';

/** A database of a test's own. */
export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** A connection apart from any store, to look past the adapter. */
  readonly client: pg.Client;
  /** How many statements in this database wait for a lock. */
  blocked(): Promise<number>;
  /** Resolves once some statement in this database, or as many as that, waits for a lock. */
  untilBlocked(statements?: number): Promise<void>;
  /** Drops the database. Fails if something is still connected to it: a store that was not closed. */
  drop(): Promise<void>;
}

/** @param template `'migrated'` for the tables and no rows, `'empty'` for a database as one finds it */
export async function createTestDatabase(template: 'migrated' | 'empty' = 'migrated'): Promise<TestDatabase> {
  const server = inject('postgres');
  const name = `${server.prefix}_${randomBytes(4).toString('hex')}`;
  await asAdmin(
    `create database ${name} template ${template === 'migrated' ? server.template : 'template0'}`,
  );
  const url = databaseUrl(server.adminUrl, name);
  const client = new pg.Client(url);
  await client.connect();
  const blocked = async (): Promise<number> => {
    // Within a transaction, the first look at the activity would be repeated for ever.
    await client.query('select pg_stat_clear_snapshot()');
    const { rows } = await client.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return rows.length;
  };
  return {
    url,
    name,
    client,
    blocked,
    untilBlocked: (statements = 1) =>
      eventually(async () => (await blocked()) >= statements, `${statements} statements wait for a lock`),
    drop: async () => {
      await client.end();
      await asAdmin(`drop database ${name}`);
    },
  };
}

async function asAdmin(query: string): Promise<void> {
  const client = new pg.Client(inject('postgres').adminUrl);
  await client.connect();
  await client.query(query).finally(() => client.end());
}

const ROWS_OF_SESSION = `
  select (select count(*) from mcp_sessions where ref = $1)
       + (select count(*) from mcp_session_values where session_ref = $1)
       + (select count(*) from mcp_session_streams where session_ref = $1)
       + (select count(*) from mcp_session_events where session_ref = $1) as count`;

/** A way to a database that has something in between. */
export interface Detour {
  readonly url: string;
  stop(): Promise<void>;
}

export type PostgresHarnessOptions = Partial<PostgresStoreOptions> & {
  /** Leads the stores to their database through something; `listenConnectionString` stays direct by default. */
  readonly through?: (databaseUrl: string) => Promise<Detour>;
};

/** A harness over a database of its own. */
export function postgresHarness({ through, ...options }: PostgresHarnessOptions = {}): HarnessFactory {
  return async () => {
    const database = await createTestDatabase();
    const detour = await through?.(database.url);
    const way =
      detour === undefined
        ? { connectionString: database.url }
        : { connectionString: detour.url, listenConnectionString: database.url };
    const stores: Store[] = [];
    // Suites count rows of several sessions at once, which one connection would have to refuse.
    const rowsOf = new pg.Pool({ connectionString: database.url, max: 1 });
    return {
      capabilities: {
        sweeps: true,
        // Without LISTEN, streams are looked at, but a look at every cached session would cost more than it saves.
        // One statement for all watched streams: seldom, where LISTEN brings nearly all signals.
        catchesUpWithinMs: options.catchUpMs ?? (options.listenConnectionString === false ? 1_000 : 30_000),
        trimSlack: 0,
      },
      open: async () => {
        const store = postgresStore({ ...way, ...options });
        stores.push(store);
        return store;
      },
      countRows: async (ref) => {
        const { rows } = await rowsOf.query<{ count: string }>(ROWS_OF_SESSION, [ref]);
        return Number(rows[0]?.count);
      },
      setBack: async (ref, stream, sequence) => {
        await rowsOf.query(
          'delete from mcp_session_events where session_ref = $1 and stream = $2 and sequence > $3',
          [...[ref, stream, sequence]],
        );
        await rowsOf.query(
          'update mcp_session_streams set last_sequence = $3 where session_ref = $1 and stream = $2',
          [...[ref, stream, sequence]],
        );
        // Connections do not outlive such a thing.
        await rowsOf.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name = 'durable-mcp signals'`,
        );
      },
      dump: async () => {
        const dumps: string[] = [];
        for (const table of tables.map(getTableName)) {
          const { rows } = await database.client.query<{ row: string }>(
            `select "each"::text as row from ${table} as "each"`,
          );
          dumps.push(table, ...rows.map(({ row }) => row));
        }
        return dumps.join('\n');
      },
      close: async () => {
        await Promise.all([rowsOf.end(), ...stores.map((store) => store.close())]);
        await detour?.stop();
        await database.drop();
      },
    };
  };
}
