import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import type { HttpServer } from '../../src/app/http-server.ts';
import { STORE_REQUESTS_WAITING } from '../../src/domain/limits.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually, NOW, newSession, times } from '../contract/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { RawClient } from '../support/raw-client.ts';
import { serve, testService } from '../support/service.ts';
import { callOutcome } from './outcome.ts';

describe('PostgreSQL whose tables are locked', () => {
  let database: TestDatabase;
  let store: Store;
  let server: HttpServer;
  let client: RawClient;
  /** Of the service, in order. */
  let logs: string[];

  const open = async (statementTimeout: string): Promise<void> => {
    const url = new URL(database.url);
    url.searchParams.set('statement_timeout', statementTimeout);
    store = postgresStore({ connectionString: url.href, poolMax: 1 });
    const service = testService({ store });
    logs = service.logs;
    server = await serve(service);
    client = await RawClient.open(server.origin);
    await client.result('store_value', { key: 'kept', value: 'before' });
    await database.client.query('begin');
    await database.client.query('lock table mcp_session_values in access exclusive mode');
  };
  const call = async (name: string, args: Record<string, unknown>) => {
    const id = client.nextId();
    return callOutcome(await client.call(name, args, { id }), id);
  };
  const isReady = async (): Promise<boolean> => (await fetch(`${server.origin}/readyz`)).status === 200;

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await server.stop();
    await store.close();
    await database.drop();
  });

  // Catches: callers that wait for a connection for as long as another one keeps it, and an instance that says that it
  // is ready meanwhile.
  it('and whose only connection is taken: callers are told within 5 s, and all works afterwards', async () => {
    await open('0');
    const blocked = call('store_value', { key: 'kept', value: 'blocked' });
    await database.untilBlocked();
    const start = performance.now();
    const others = times(20, (index) => call('store_value', { key: `other ${index}`, value: index }));
    expect(await isReady()).toBe(false);
    for (const outcome of await Promise.all(others)) {
      expect(['failed', 'refused']).toContain(outcome.kind);
    }
    expect(performance.now() - start).toBeLessThan(9_000);
    await database.client.query('rollback');
    expect(await blocked).toMatchObject({ kind: 'done', result: { stored: true, version: 2 } });
    expect(await isReady()).toBe(true);
    expect(await call('get_value', { key: 'kept' })).toMatchObject({ result: { value: 'blocked' } });
    // What waited and was refused has not been done behind its callers' backs.
    expect(await call('list_values', {})).toMatchObject({ result: { values: [{ key: 'kept' }] } });
    expect(logs.filter((line) => line.includes('the session store failed')).length).toBeLessThan(4);
  });

  // Catches: a canceled statement that is taken for a bug, or for stored, and a connection that is not used again.
  it('beyond the statement timeout: the caller is told, and nothing was done', async () => {
    await open('300');
    expect(await call('store_value', { key: 'kept', value: 'blocked' })).toEqual({
      kind: 'failed',
      effect: 'unknown',
    });
    expect(await call('get_value', { key: 'kept' })).toEqual({ kind: 'failed', effect: 'none' });
    await database.client.query('rollback');
    expect(await call('get_value', { key: 'kept' })).toMatchObject({ result: { value: 'before' } });
  });

  // Catches: a queue that grows for as long as the database hangs.
  it('lets so many statements wait, and refuses what comes then at once', async () => {
    await open('0');
    const blocked = store.sessions.readValue(newSession(), 'kept', NOW).catch(() => 'blocked');
    await database.untilBlocked();
    let refused = 0;
    const waiting = times(STORE_REQUESTS_WAITING + 50, () =>
      store.sessions.find(newSession().ref, NOW).catch((error: { code?: unknown; cause?: Error }) => {
        if (error.cause?.message.includes('wait already')) refused += 1;
        return error.code;
      }),
    );
    await eventually(() => refused === 50, 'those beyond the limit are refused');
    await database.client.query('rollback');
    const found = await Promise.all(waiting);
    expect(found.filter((code) => code === 'store_unavailable')).toHaveLength(50);
    await blocked;
  });
});
