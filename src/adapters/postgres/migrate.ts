import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator';
import type pg from 'pg';
import { JOURNAL_SCHEMA, JOURNAL_TABLE, MIGRATIONS_FOLDER, packagedMigrations } from './journal.ts';
import { underSchemaLock } from './schema-lock.ts';

export interface MigrateOptions {
  /** `postgres://…` of a user who may create tables in the schema `public`; not through a pooler. */
  readonly connectionString: string;
}

/**
 * Brings the database's tables to this version. May run any number of times, also at the same time: whoever
 * comes second waits, and finds nothing left to do. Migrations only ever add to the journal; a database that is
 * ahead of this version is left as it is.
 *
 * @returns the names of the migrations that were applied now
 * @throws StoreNotSetUp if there is no such database; StoreUnavailable, also where others hold a lock for 60 s
 */
export async function migrate(options: MigrateOptions): Promise<{ readonly applied: readonly string[] }> {
  const migrations = await packagedMigrations();
  return underSchemaLock(options.connectionString, async (client) => {
    const before = await journalledMigrations(client);
    await applyMigrations(drizzle(client), {
      migrationsFolder: MIGRATIONS_FOLDER,
      migrationsSchema: JOURNAL_SCHEMA,
      migrationsTable: JOURNAL_TABLE,
    });
    const after = await journalledMigrations(client);
    return {
      applied: migrations.filter(({ when }) => after.has(when) && !before.has(when)).map(({ tag }) => tag),
    };
  });
}

async function journalledMigrations(client: pg.Client): Promise<ReadonlySet<number>> {
  const journal = `${JOURNAL_SCHEMA}.${JOURNAL_TABLE}`;
  const { rows: exists } = await client.query('select to_regclass($1) is not null as yes', [journal]);
  if (exists[0]?.yes !== true) return new Set();
  const { rows } = await client.query<{ created_at: string }>(`select created_at from ${journal}`);
  return new Set(rows.map((row) => Number(row.created_at)));
}
