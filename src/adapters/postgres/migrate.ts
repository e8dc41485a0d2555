import type pg from 'pg';
import { JOURNAL_SCHEMA, JOURNAL_TABLE, type MigrationFile, packagedMigrationFiles } from './journal.ts';
import { underSchemaLock } from './schema-lock.ts';

export interface MigrateOptions {
  /** `postgres://…` of a user who may create tables in the schema `public`; a pooler may be in between. */
  readonly connectionString: string;
}

/**
 * Brings the database's tables to this version, in one transaction: all that is pending, or nothing. May run any
 * number of times, also at the same time: whoever comes second waits, and finds nothing left to do. A database
 * that is ahead of this version is left as it is.
 *
 * @returns the names of the migrations that were applied now
 * @throws StoreNotSetUp if there is no such database; StoreUnavailable, also where others hold a lock for 60 s
 */
export async function migrate(options: MigrateOptions): Promise<{ readonly applied: readonly string[] }> {
  const migrations = await packagedMigrationFiles();
  return underSchemaLock(options.connectionString, async (client) => ({
    applied: await applyPending(client, migrations),
  }));
}

/**
 * Applies those of `migrations` that are newer than the newest in the database's journal. Drizzle's migrator does
 * the same, but creates its journal outside of the transaction, and five of it that ran at once failed four times.
 *
 * @param client in a transaction, with {@link JOURNAL_SCHEMA} in its search path
 * @returns the names of those that were applied
 */
export async function applyPending(
  client: pg.Client,
  migrations: readonly MigrationFile[],
): Promise<readonly string[]> {
  const journal = `${JOURNAL_SCHEMA}.${JOURNAL_TABLE}`;
  const { rows: journals } = await client.query('select to_regclass($1) is null as missing', [journal]);
  if (journals[0]?.missing === true) {
    await client.query(
      `create table ${journal} (id serial primary key, hash text not null, created_at bigint)`,
    );
  }
  const { rows } = await client.query<{ latest: string | null }>(
    `select max(created_at) as latest from ${journal}`,
  );
  const pending = migrations.filter(({ when }) => when > Number(rows[0]?.latest ?? 0));
  for (const { statements, hash, when } of pending) {
    for (const statement of statements) await client.query(statement);
    await client.query(`insert into ${journal} (hash, created_at) values ($1, $2)`, [hash, when]);
  }
  return pending.map(({ tag }) => tag);
}
