import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvents, lastEventSequence, readEvents } from '../../src/adapters/postgres/event-statements.ts';
import { beatInstance, countBeats, forgetInstance } from '../../src/adapters/postgres/instance-statements.ts';
import { listSessions } from '../../src/adapters/postgres/session-directory-statement.ts';
import {
  deleteSession,
  findSession,
  touchSessions,
  updateSessionIfVersion,
} from '../../src/adapters/postgres/session-statements.ts';
import { lookAtStreams } from '../../src/adapters/postgres/signal-statements.ts';
import type { Statement } from '../../src/adapters/postgres/statement.ts';
import { storeSessionValue } from '../../src/adapters/postgres/store-value-statement.ts';
import { sweepEvents, sweepSessions } from '../../src/adapters/postgres/sweep-statements.ts';
import {
  deleteSessionValue,
  listSessionValues,
  readSessionValue,
} from '../../src/adapters/postgres/value-statements.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const ROWS = `
  insert into mcp_sessions (
    ref, principal_issuer, principal_subject, subscriptions, created_at, last_seen_at, expires_at, ends_at, version,
    value_count, key_count
  )
  select 'ref-' || s, case when s % 2 = 0 then 'issuer' end, case when s % 2 = 0 then 'subject-' || s % 20 end, '[]',
         now(), now(), now() + s * interval '1 s', now() + interval '30 d', 1, 5, 5
    from generate_series(1, 3000) as s;
  insert into mcp_session_values (session_ref, key, value, version, updated_at)
  select 'ref-' || s, 'key-' || k, '1', 1, now() from generate_series(1, 3000) as s, generate_series(1, 5) as k;
  insert into mcp_session_streams (session_ref, stream, last_sequence, ended)
  select 'ref-' || s, 'stream', 5, false from generate_series(1, 3000) as s;
  insert into mcp_session_events (session_ref, stream, sequence, data, is_end, expires_at)
  select 'ref-' || s, 'stream', e, '{}', false, now() + s * interval '1 s'
    from generate_series(1, 3000) as s, generate_series(1, 5) as e;
  insert into mcp_instances (id, beats, seen_at) select 'id-' || i, 1, now() from generate_series(1, 3000) as i;
  analyze;`;

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly Plan[];
}

const statements: Statement<never, unknown>[] = [
  findSession,
  updateSessionIfVersion,
  touchSessions,
  deleteSession,
  listSessions,
  storeSessionValue,
  readSessionValue,
  deleteSessionValue,
  listSessionValues,
  appendEvents,
  readEvents,
  lastEventSequence,
  beatInstance,
  countBeats,
  forgetInstance,
  lookAtStreams,
];

// That of the instances reads their whole table, which is as small as the service.
const sweeps = [sweepSessions, sweepEvents];

/**
 * Catches: a missing index; a condition that no index serves in the plan that a prepared statement keeps, such
 * as LIKE with a parameter or `$1 is null or key > $1`; a cast on the column's side.
 */
describe('the plans, over thousands of rows,', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.client.query(ROWS);
  });
  afterAll(() => database?.drop());

  const planOf = async (
    { name, text }: Statement<never, unknown>,
    values: readonly unknown[],
    planned: 'force_generic_plan' | 'force_custom_plan',
  ): Promise<Plan[]> => {
    await database.client.query(`deallocate all; prepare ${name} as ${text}`);
    await database.client.query(`set plan_cache_mode = ${planned}`);
    const { rows } = await database.client.query(
      `explain (format json) execute ${name}(${values.map(String).join(', ')})`,
    );
    return nodes(rows[0]['QUERY PLAN'][0].Plan);
  };
  const tablesReadInFull = async (...statement: Parameters<typeof planOf>): Promise<unknown[]> => {
    const scans = (await planOf(...statement)).filter((node) => node['Node Type'] === 'Seq Scan');
    return scans.map((node) => node['Relation Name']);
  };

  it.each(statements.map((statement) => [statement.name, statement] as const))(
    'read no table from end to end: %s',
    async (_, statement) => {
      const nulls = statement.parameters.map(() => null);
      expect(await tablesReadInFull(statement, nulls, 'force_generic_plan')).toEqual([]);
    },
  );

  // Catches: an index that serves the principal only, with which each page costs as much as all of its sessions; a
  // place that is compared column by column, or in another order than that of the index.
  it('find a page of a principal’s sessions by the range of an index, in its order', async () => {
    const nulls = listSessions.parameters.map(() => null);
    const plan = await planOf(listSessions, nulls, 'force_generic_plan');
    expect(plan.map((node) => node['Node Type'])).toEqual(['Limit', 'Index Scan']);
    expect(plan[1]?.['Index Name']).toBe('mcp_sessions_principal_created');
    expect(plan[1]?.['Index Cond']).toContain('ROW(created_at, ref) >');
  });

  // A generic plan has to assume that a third of all rows has expired; the server takes it only if that is
  // not dearer than a plan for the numbers at hand.
  it.each(sweeps.map((statement) => [statement.name, statement] as const))(
    'read no table from end to end where little has expired: %s',
    async (_, statement) => {
      const values = { now: Date.now() + 20_000, limit: 10 };
      const inOrder = statement.parameters.map((parameter) => values[parameter]);
      expect(await tablesReadInFull(statement, inOrder, 'force_custom_plan')).toEqual([]);
    },
  );

  // Catches: a cascade that has to look for its rows; the foreign keys' own statements are not among the above.
  it('find the rows that go with a session by an index of each table', async () => {
    const { rows } = await database.client.query(
      `select conrelid::regclass::text as "table"
         from pg_constraint
        where contype = 'f'
          and not exists (
                select from pg_index
                 where indrelid = conrelid
                   and (indkey::int2[])[0 : cardinality(conkey) - 1] = conkey
              )`,
    );
    expect(rows).toEqual([]);
  });
});

function nodes(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodes)];
}
