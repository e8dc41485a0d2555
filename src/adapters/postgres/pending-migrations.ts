import type pg from 'pg';
import { JOURNAL_SCHEMA, JOURNAL_TABLE, type MigrationFile } from './journal.ts';

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
