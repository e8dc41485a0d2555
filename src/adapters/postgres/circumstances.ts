import { sql } from 'drizzle-orm';
import { StoreNotSetUp } from '../../domain/errors.ts';
import type { Database } from './database.ts';
import { MIGRATE_COMMAND } from './errors.ts';
import { JOURNAL_SCHEMA, JOURNAL_TABLE } from './journal.ts';
import { milliseconds, statement, textParameter } from './statement.ts';

/** The first holds any text; the second takes bytes as they come. Any other refuses most of the world's characters. */
const ENCODINGS: readonly (string | undefined)[] = ['UTF8', 'SQL_ASCII'];

/** How far this machine's clock may be from the database's, in ms. */
const CLOCK_TOLERANCE_MS = 60_000;

const circumstances = statement<
  { readonly journal: string },
  { readonly encoding: string; readonly isOutOfSight: boolean; readonly now: number }
>(
  'mcp_circumstances',
  sql`
select current_setting('server_encoding') as "encoding",
       to_regclass(${textParameter('journal')}) is null
         and to_regclass(${sql.raw(`'${JOURNAL_SCHEMA}.'`)} || ${textParameter('journal')}) is not null as "isOutOfSight",
       ${milliseconds(sql`clock_timestamp()`)} as "now"`,
);

/** The tables are there, and statements of this role do not find them. */
export class TablesOutOfSight extends Error {
  override readonly name = 'TablesOutOfSight';

  constructor() {
    super(
      `The tables are in the schema ${JOURNAL_SCHEMA}, which is not in the search_path of this role: put it there, as ` +
        `with alter role … set search_path = ${JOURNAL_SCHEMA}`,
    );
  }
}

/** Sessions expire by the clocks of instances: one that is ahead would end and remove those that others serve. */
export class ClocksDiffer extends Error {
  override readonly name = 'ClocksDiffer';

  /** @param aheadMs how far this machine's clock is ahead of the database's, at least; negative where it is behind */
  constructor(aheadMs: number) {
    const seconds = Math.round(Math.abs(aheadMs) / 1_000);
    super(
      `The clock of this machine is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} that of the database, at most ` +
        `${CLOCK_TOLERANCE_MS / 1_000} s are allowed: sessions would expire at the wrong time. Set both by NTP`,
    );
  }
}

/**
 * Resolves where the database can hold what is stored, and its role and clock are right. To be asked before anything
 * else: where they are wrong, what could be said of the tables would mislead.
 *
 * @throws StoreNotSetUp, {@link TablesOutOfSight}, {@link ClocksDiffer}
 */
export async function assertFit(database: Database): Promise<void> {
  const askedAt = Date.now();
  const [found] = await database.run(circumstances, { journal: JOURNAL_TABLE });
  const answeredAt = Date.now();
  if (found === undefined || !ENCODINGS.includes(found.encoding)) {
    throw new StoreNotSetUp(
      `The database has the encoding ${found?.encoding}, which lacks most characters`,
      `createdb --template=template0 --encoding=UTF8, then ${MIGRATE_COMMAND}`,
    );
  }
  if (found.isOutOfSight) throw new TablesOutOfSight();
  // The answer was made at some time in between.
  if (askedAt > found.now + CLOCK_TOLERANCE_MS) throw new ClocksDiffer(askedAt - found.now);
  if (answeredAt < found.now - CLOCK_TOLERANCE_MS) throw new ClocksDiffer(answeredAt - found.now);
}
