import { packagedMigrationFiles } from './journal.ts';
import { applyPending } from './pending-migrations.ts';
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
