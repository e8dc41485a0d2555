import { getTableName, sql } from 'drizzle-orm';
import { StoreNotSetUp, StoreUnavailable } from '../../domain/errors.ts';
import { assertFit } from './circumstances.ts';
import type { Database } from './database.ts';
import { MIGRATE_COMMAND } from './errors.ts';
import { JOURNAL_TABLE, packagedMigrations } from './journal.ts';
import { sessions, tables } from './schema.ts';
import { statement, textsParameter } from './statement.ts';

const CHECK_TIMEOUT_MS = 2_000;

/** `latest` is when the newest applied migration was generated, in Unix milliseconds. */
const schemaState = statement<
  { readonly tables: readonly string[] },
  { readonly latest: number | null; readonly missing: readonly string[] }
>(
  'mcp_schema_state',
  sql`
select (select max(created_at)::float8 from ${sql.identifier(JOURNAL_TABLE)}) as "latest",
       array (
         select name from unnest(${textsParameter('tables')}) as name where to_regclass(name) is null
       ) as "missing"`,
);

/** Reads nothing, and is refused all the same where nothing can be written. */
const writable = statement<object, object>(
  'mcp_writable',
  sql`select from ${sessions} where false for update`,
);

/** LISTEN succeeds through a pooler in transaction mode, and nothing is ever heard. */
export class ListensThroughPooler extends Error {
  override readonly name = 'ListensThroughPooler';

  constructor() {
    super(
      'The connection to the database leads through a pooler, where notifications may never arrive: set ' +
        'DATABASE_LISTEN_URL to a direct connection, or to none (in code: listenConnectionString, false)',
    );
  }
}

export interface ReadinessOptions {
  /** Signals are to come over `database`’s own way, because no other was named. */
  readonly listensTheSameWay: boolean;
}

/**
 * Resolves if the database answers in time, has the tables that this version needs, and can be written to. A
 * database that is ahead is accepted: while a deploy rolls, the old version still serves on the new schema.
 *
 * @throws StoreUnavailable, StoreNotSetUp, {@link ListensThroughPooler}, and what {@link assertFit} throws
 */
export function checkReadiness(database: Database, options: ReadinessOptions): Promise<void> {
  return inTime(checkDatabase(database, options));
}

async function checkDatabase(database: Database, { listensTheSameWay }: ReadinessOptions): Promise<void> {
  await assertFit(database);
  const [[state], migrations, isPooled] = await Promise.all([
    readState(database),
    packagedMigrations(),
    listensTheSameWay && database.isPooled(),
  ]);
  if (isPooled) throw new ListensThroughPooler();
  const missing = state?.missing ?? [];
  if (missing.length > 0) {
    throw new StoreNotSetUp(`The database has no table ${missing.join(', ')}`, MIGRATE_COMMAND);
  }
  const pending = migrations.filter(({ when }) => when > (state?.latest ?? 0));
  if (pending.length > 0) {
    throw new StoreNotSetUp(
      `The database lacks the migration ${pending.map(({ tag }) => tag).join(', ')}`,
      MIGRATE_COMMAND,
    );
  }
  await database.run(writable, {});
}

function readState(database: Database) {
  return database.run(schemaState, { tables: tables.map(getTableName) });
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new StoreUnavailable({ cause: new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`) })),
      CHECK_TIMEOUT_MS,
    );
  });
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
