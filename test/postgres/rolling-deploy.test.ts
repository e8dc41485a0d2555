import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MigrationFile, packagedMigrationFiles } from '../../src/adapters/postgres/journal.ts';
import { applyPending } from '../../src/adapters/postgres/pending-migrations.ts';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import type { SessionRef } from '../../src/domain/session.ts';
import { HOUR, NOW } from '../contract/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { isRecorded, type RecordedStatements, recordedStatements } from './recorded-statements.ts';

const migrations: readonly MigrationFile[] = await packagedMigrationFiles();
const tags = migrations.map(({ tag }) => tag);
const OLDER = tags.slice(0, -1);

/** What the statements of every version take, by the names of their parameters. */
const VALUES: Readonly<Record<string, unknown>> = {
  now: NOW,
  key: 'k',
  json: '{"a":1}',
  expectedVersion: null,
  keys: 100,
  distinctKeys: 100,
  stream: 's',
  data: ['"one"', '"two"'],
  count: 2,
  keep: 10,
  end: false,
  after: 0,
  from: '',
  to: '~',
  limit: 100,
  principalIssuer: 'issuer',
  principalSubject: 'subject',
  initialize: '{}',
  protocolVersion: '2025-11-25',
  logLevel: null,
  subscriptions: '[]',
  createdAt: NOW,
  lastSeenAt: NOW,
  expiresAt: NOW + HOUR,
  endsAt: NOW + 24 * HOUR,
  idleMs: null,
  version: 1,
  valueCount: 0,
  payload: 'sender topic',
  before: NOW - HOUR,
};

/** A server of an older version: one connection, on which it has prepared its statements. */
class OlderServer {
  readonly #client: pg.Client;
  readonly #statements: RecordedStatements;

  constructor(client: pg.Client, statements: RecordedStatements) {
    this.#client = client;
    this.#statements = statements;
  }

  /** Does what a session's life needs, on one that is new. */
  async serve(ref: string): Promise<void> {
    expect(await this.#run('mcp_create_session', { ref })).toEqual([{ ref }]);
    expect(await this.#run('mcp_store_value', { ref })).toMatchObject([{ version: 1, valueCount: 0 }]);
    expect(await this.#run('mcp_append_events', { ref })).toEqual([{ lastSequence: 2 }]);
    await this.serveKnown(ref, 1);
    await this.#run('mcp_store_value', { ref, key: 'other' });
    expect(await this.#run('mcp_delete_value', { ref, key: 'other' })).toMatchObject([{ deleted: true }]);
    await this.#run('mcp_sweep_sessions', { now: NOW - HOUR });
    await this.#run('mcp_sweep_events', { now: NOW - HOUR });
    if (!this.#statements.has('mcp_beat_instance')) return;
    for (const name of ['mcp_beat_instance', 'mcp_count_beats', 'mcp_forget_instance']) {
      await this.#run(name, { id: ref });
    }
    await this.#run('mcp_sweep_instances', {});
    await this.#run('mcp_notify', {});
    const [seen] = await this.#run('mcp_look_at_streams', { refs: [ref], streams: ['s'] });
    expect(seen).toEqual({ ref, stream: 's', lastSequence: 2 });
  }

  /** Does what it does for a session that it knows, be it written before a migration. */
  async serveKnown(ref: string, version: number): Promise<void> {
    const [session] = await this.#run('mcp_find_session', { ref });
    expect(session).toMatchObject({ ref, principalSubject: 'subject', version, expiresAt: NOW + HOUR });
    const [value] = await this.#run('mcp_read_value', { ref });
    expect(value).toMatchObject({ json: '{"a":1}', version });
    expect(await this.#run('mcp_list_values', { ref })).toMatchObject([{ key: 'k', version }]);
    expect(await this.#run('mcp_read_events', { ref })).toMatchObject([{ sequence: 1 }, { sequence: 2 }]);
    expect(await this.#run('mcp_last_sequence', { ref })).toEqual([{ sequence: 2 }]);
    const touch = { refs: [ref], lastSeenAts: [NOW], expiresAts: [NOW + HOUR] };
    await this.#run('mcp_touch_sessions', touch);
    const update = { ref, expectedVersion: version, logLevel: 'info' };
    expect(await this.#run('mcp_update_session', update)).toMatchObject([{ ref, version: version + 1 }]);
    expect(await this.#run('mcp_store_value', { ref, expectedVersion: version })).toMatchObject([
      { version: version + 1 },
    ]);
  }

  async end(ref: string): Promise<void> {
    expect(await this.#run('mcp_delete_session', { ref })).toEqual([{ wasLive: true }]);
  }

  async #run(name: string, given: Readonly<Record<string, unknown>>): Promise<unknown[]> {
    const statement = this.#statements.get(name);
    if (statement === undefined) throw new Error(`${name} was not recorded`);
    const values = statement.parameters.map((parameter) => {
      const value = { ...VALUES, ...given }[parameter];
      if (value === undefined) throw new Error(`no value for ${parameter} of ${name}`);
      return value;
    });
    return (await this.#client.query({ name, text: statement.text, values })).rows;
  }
}

describe('while a deploy rolls', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeEach(async () => {
    database = await createTestDatabase('empty');
    client = new pg.Client(database.url);
    await client.connect();
  });
  afterEach(async () => {
    await client.end();
    await database.drop();
  });

  // Catches: a new migration whose predecessor's statements nobody can run any more.
  it('it is known what every older version did', () => {
    // Where this fails: `npm run migrations:record`, on a checkout without the new migration.
    expect(OLDER.filter((tag) => !isRecorded(tag))).toEqual([]);
  });

  // Catches: a column that must be given or that vanished, a result that changed under a prepared statement, a rule
  // that older rows do not meet.
  it.each(OLDER)('a server of %s serves on, old sessions and new, with each later migration', async (tag) => {
    const own = tags.indexOf(tag) + 1;
    await applyPending(database.client, migrations.slice(0, own));
    const server = new OlderServer(client, recordedStatements(tags.slice(0, own)));
    await server.serve('before');
    for (let applied = own + 1; applied <= migrations.length; applied += 1) {
      expect(await applyPending(database.client, migrations.slice(0, applied))).toHaveLength(1);
      await server.serveKnown('before', 1 + applied - own);
      await server.serve(`since ${tags[applied - 1]}`);
    }

    // And the version that the deploy brings serves what the older one wrote, at the same time.
    const store = postgresStore({ connectionString: database.url });
    await store.check();
    for (const ref of ['before', `since ${tags.at(-1)}`] as SessionRef[]) {
      const session = await store.sessions.find(ref, NOW);
      expect(session).toMatchObject({ idleMs: undefined, logLevel: 'info', valueCount: 1 });
      const writing = { key: 'k', json: '2', limits: { keys: 100, distinctKeys: 100 } };
      expect(session && (await store.sessions.storeValue(session, writing, NOW))).toBeGreaterThan(2);
    }
    await store.close();
    await server.end('before');
  });
});
