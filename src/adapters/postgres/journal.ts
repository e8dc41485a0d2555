import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { readMigrationFiles } from 'drizzle-orm/migrator';

/** The same place from `src/adapters/postgres`, from the same in `build` (service) and in `dist` (package). */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../../migrations', import.meta.url));

/** A journal of our own: drizzle's default, `drizzle.__drizzle_migrations`, is shared by every application. */
export const JOURNAL_SCHEMA = 'public';
export const JOURNAL_TABLE = 'durable_mcp_migrations';

/** One migration of the packaged journal. */
export interface Migration {
  /** As its file is called, without `.sql`. */
  readonly tag: string;
  /** Unix milliseconds of its generation, by which the database's journal knows it. */
  readonly when: number;
}

/** A migration with what it does. */
export interface MigrationFile extends Migration {
  readonly statements: readonly string[];
  /** Of the whole file, as drizzle's own migrator writes it down. */
  readonly hash: string;
}

/** The migrations that this version of the code knows, in their order. */
export async function packagedMigrations(): Promise<readonly Migration[]> {
  const journal = await readFile(`${MIGRATIONS_FOLDER}/meta/_journal.json`, 'utf8');
  return (JSON.parse(journal) as { readonly entries: readonly Migration[] }).entries;
}

/** The same with their files. */
export async function packagedMigrationFiles(): Promise<readonly MigrationFile[]> {
  const files = readMigrationFiles({ migrationsFolder: MIGRATIONS_FOLDER });
  return (await packagedMigrations()).map(({ tag, when }, index) => {
    const file = files[index];
    if (file?.folderMillis !== when) throw new Error(`${MIGRATIONS_FOLDER} changed while it was read`);
    return { tag, when, statements: file.sql, hash: file.hash };
  });
}
