import { getTableName } from 'drizzle-orm';
import type pg from 'pg';
import { JOURNAL_SCHEMA, JOURNAL_TABLE } from './journal.ts';
import { tables } from './schema.ts';
import { underSchemaLock } from './schema-lock.ts';

/** All that `migrate` makes, those that refer to others first. */
const OWN_TABLES = [...tables.map(getTableName), JOURNAL_TABLE];

export interface TeardownOptions {
  /** `postgres://…` of the tables' owner; a pooler may be in between. */
  readonly connectionString: string;
}

/**
 * Removes everything that `migrate` made, with all sessions in it, also where only a part of it is there, and nothing else. Without
 * `cascade`: something foreign that depends on these tables, such as a view, stops it with an error.
 *
 * @returns the names of the tables that were removed; none where nothing was there
 * @throws StoreNotSetUp if there is no such database; StoreUnavailable, also where others hold a lock for 60 s
 */
export async function teardown(options: TeardownOptions): Promise<{ readonly dropped: readonly string[] }> {
  return underSchemaLock(options.connectionString, async (client) => {
    const dropped = await ownTables(client);
    if (dropped.length > 0) {
      await client.query(`drop table ${dropped.map((table) => `${JOURNAL_SCHEMA}."${table}"`).join(', ')}`);
    }
    const left = await ownTables(client);
    if (left.length > 0) throw new Error(`These tables are still there: ${left.join(', ')}`);
    return { dropped };
  });
}

async function ownTables(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select relname as name
       from pg_catalog.pg_class
      where relnamespace = to_regnamespace($1) and relkind in ('r', 'p') and relname = any ($2)
      order by array_position($2, relname::text)`,
    [JOURNAL_SCHEMA, OWN_TABLES],
  );
  return rows.map(({ name }) => name);
}
