import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listSessions } from '../../src/adapters/postgres/session-directory-statement.ts';
import type { Statement } from '../../src/adapters/postgres/statement.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

type AnyStatement = Statement<never, unknown>;

/** Of sessions so many that to read a third of them is dearer than to look up ten. */
const ROWS = `
  insert into mcp_sessions (
    ref, principal_issuer, principal_subject, subscriptions, created_at, last_seen_at, expires_at, ends_at, version,
    value_count, key_count
  )
  select 'ref-' || s, case when s % 2 = 0 then 'issuer' end, case when s % 2 = 0 then 'subject-' || s % 20 end, '[]',
         now(), now(), now() + s * interval '1 s', now() + interval '30 d', 1, 5, 5
    from generate_series(1, 10000) as s;
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

const FOLDER = new URL('../../src/adapters/postgres/', import.meta.url);
const SOURCES = readdirSync(FOLDER).filter((file) => file.endsWith('.ts'));

/** Every statement that a module of the adapter exports, as it is called in the database. */
const STATEMENTS = new Map<string, AnyStatement>();
for (const file of SOURCES) {
  const exported: unknown[] = Object.values(await import(new URL(file, FOLDER).href));
  for (const each of exported) if (isStatement(each)) STATEMENTS.set(each.name, each);
}

/** What is not run for requests, streams and beats, each with the reason why it is looked at in a way of its own. */
const SWEEPS = [
  // A generic plan has to assume that a third of all rows has expired; the server takes it only if that is not
  // dearer than a plan for the numbers at hand.
  'mcp_sweep_sessions',
  'mcp_sweep_contents',
  'mcp_sweep_events',
];
/** Reads the whole table of the instances, which is as small as the service. */
const SWEEP_OF_INSTANCES = 'mcp_sweep_instances';

/** Run by readiness probes and sweeps only: one reads the journal, which has a row for each migration, the others no row. */
const NOT_EXPORTED = ['mcp_circumstances', 'mcp_schema_state', 'mcp_writable'];

const HOT = [...STATEMENTS.values()].filter(
  ({ name }) => !SWEEPS.includes(name) && name !== SWEEP_OF_INSTANCES,
);

const quote = (text: string): string => pg.escapeLiteral(text);
const SOON = String(Date.now() + 20_000);

/** What a parameter of this name may be, as SQL: of rows that are there, of which there are many. */
const VALUES: Readonly<Record<string, string>> = {
  ref: quote('ref-1500'),
  refs: `array['ref-1500', 'ref-1501']`,
  stream: quote('stream'),
  streams: `array['stream', 'stream']`,
  key: quote('key-3'),
  from: quote('key-'),
  to: quote('key-\u{10ffff}'),
  id: quote('id-7'),
  issuer: quote('issuer'),
  subject: quote('subject-2'),
  principalIssuer: quote('issuer'),
  principalSubject: quote('subject-2'),
  protocolVersion: quote('2025-11-25'),
  payload: quote('a signal'),
  initialize: quote('{}'),
  subscriptions: quote('[]'),
  json: quote('1'),
  data: `array['{}']`,
  end: 'false',
  now: SOON,
  before: SOON,
  createdAt: SOON,
  lastSeenAt: SOON,
  expiresAt: SOON,
  endsAt: SOON,
  lastSeenAts: `array[${SOON}, ${SOON}]`,
  expiresAts: `array[${SOON}, ${SOON}]`,
  version: '1',
  count: '1',
  valueCount: '0',
  limit: '10',
  keep: '1000',
  keys: '10000',
  distinctKeys: '100000',
  // What a caller may leave out.
  after: 'null',
  afterCreatedAt: 'null',
  afterRef: 'null',
  expectedVersion: 'null',
  idleMs: 'null',
  logLevel: 'null',
};
/** Those that it may give as well, which can mean another plan. */
const GIVEN: typeof VALUES = {
  ...VALUES,
  after: quote('key-2'),
  afterCreatedAt: SOON,
  afterRef: quote('ref-1500'),
  expectedVersion: '1',
};
/** Where events are read from. */
const GIVEN_SEQUENCE: typeof VALUES = { ...GIVEN, after: '2' };

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
    { name, text, parameters }: AnyStatement,
    planned: 'force_generic_plan' | 'force_custom_plan',
    values = VALUES,
  ): Promise<Plan[]> => {
    const inOrder = parameters.map((parameter, index) => {
      const value = values[parameter];
      if (value === undefined) throw new Error(`say what ${parameter} of ${name} may be`);
      const [, list] = new RegExp(`\\$${index + 1}::(\\w+\\[\\])`).exec(text) ?? [];
      // Of a statement that is called for several sessions at once.
      return list === undefined || value.startsWith('array') ? value : `array[${value}, ${value}]::${list}`;
    });
    await database.client.query(`deallocate all; prepare ${name} as ${text}`);
    await database.client.query(`set plan_cache_mode = ${planned}`);
    const execute = inOrder.length === 0 ? name : `${name}(${inOrder.join(', ')})`;
    const { rows } = await database.client.query(`explain (format json) execute ${execute}`);
    return nodes(rows[0]['QUERY PLAN'][0].Plan);
  };
  const tablesReadInFull = async (...statement: Parameters<typeof planOf>): Promise<unknown[]> =>
    namesOf((await planOf(...statement)).filter(readsInFull));

  // Catches: a statement that no test below has heard of.
  it('are looked at of each statement that there is', () => {
    const sources = SOURCES.map((file) => readFileSync(new URL(file, FOLDER), 'utf8'));
    const made = sources.flatMap((source) =>
      source
        .split(/= statement\s*[<(]/)
        .slice(1)
        .map((rest) => /'(mcp_\w+)'/.exec(rest)?.[1]),
    );
    expect([...STATEMENTS.keys(), ...NOT_EXPORTED].toSorted()).toEqual(made.toSorted());
    expect([...STATEMENTS.keys()]).toEqual(expect.arrayContaining([...SWEEPS, SWEEP_OF_INSTANCES]));
  });

  // The server keeps a generic plan for a prepared statement once five of its own were no better; until then, and
  // where statements are not prepared, it plans for the numbers at hand.
  describe.each(['force_generic_plan', 'force_custom_plan'] as const)('by %s', (planned) => {
    it.each(HOT.map((statement) => [statement.name, statement] as const))(
      'read no table from end to end: %s',
      async (_, statement) => {
        const given = statement.name === 'mcp_read_events' ? GIVEN_SEQUENCE : GIVEN;
        for (const values of [VALUES, given]) {
          const plan = await planOf(statement, planned, values);
          expect(namesOf(plan.filter((node) => readsInFull(node) || readsRange(node)))).toEqual([]);
        }
      },
    );
  });

  // Catches: an index that serves the principal only, with which each page costs as much as all of its sessions; a
  // place that is compared column by column, or in another order than that of the index.
  it('find a page of a principal’s sessions by the range of an index, in its order', async () => {
    const plan = await planOf(listSessions, 'force_generic_plan');
    expect(plan.map((node) => node['Node Type'])).toEqual(['Limit', 'Index Scan']);
    expect(plan[1]?.['Index Name']).toBe('mcp_sessions_principal_created');
    expect(plan[1]?.['Index Cond']).toContain('ROW(created_at, ref) >');
  });

  it.each(SWEEPS)('read no table from end to end where little has expired: %s', async (name) => {
    expect(await tablesReadInFull(named(name), 'force_custom_plan')).toEqual([]);
  });

  it('read the instances’ table only where those that have ended are removed', async () => {
    const tables = await tablesReadInFull(named(SWEEP_OF_INSTANCES), 'force_custom_plan');
    expect([...new Set(tables)]).toEqual(['mcp_instances']);
  });

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

function namesOf(scans: readonly Plan[]): unknown[] {
  return scans.map((node) => node['Relation Name'] ?? node['Index Name']);
}

/** Also by an index that is read from end to end, its rows filtered one by one. */
function readsInFull(node: Plan): boolean {
  return node['Node Type'] === 'Seq Scan' || (isIndexScan(node) && node['Index Cond'] === undefined);
}

/** Which rows it comes to is not decided by what they equal: nearly all sessions expire later than now. */
function readsRange(node: Plan): boolean {
  return isIndexScan(node) && !/ = /.test(node['Index Cond'] ?? '');
}

function isIndexScan(node: Plan): boolean {
  return /^(Bitmap )?Index/.test(node['Node Type']);
}

function isStatement(exported: unknown): exported is AnyStatement {
  return typeof exported === 'object' && exported !== null && 'text' in exported && 'parameters' in exported;
}

function named(name: string): AnyStatement {
  const found = STATEMENTS.get(name);
  if (found === undefined) throw new Error(`no statement is called ${name}`);
  return found;
}
