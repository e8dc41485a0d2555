import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../src/adapters/postgres/database.ts';
import { PostgresSignals } from '../../src/adapters/postgres/signals.ts';
import { Sockets } from '../../src/adapters/postgres/sockets.ts';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import { sessionRef } from '../../src/domain/session.ts';
import { eventually } from '../contract/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startTcpProxy, through } from '../support/tcp-proxy.ts';

const TOPIC = { ref: sessionRef('any'), stream: 's' };
const DEAF = /DATABASE_LISTEN_URL/;
const ARRIVAL_MS = 200;

let database: TestDatabase;
let elsewhere: TestDatabase;
let errors: unknown[];
const ends: (() => Promise<void>)[] = [];

beforeEach(async () => {
  [database, elsewhere] = await Promise.all([createTestDatabase(), createTestDatabase('empty')]);
  errors = [];
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await Promise.all([database.drop(), elsewhere.drop()]);
});

/** Signals that are sent in the test's database, and listened for wherever that is. */
function signals(listenConnectionString: string): PostgresSignals {
  const sockets = new Sockets();
  const onError = (error: unknown): void => void errors.push(error);
  const pool = new Database({
    connectionString: database.url,
    poolMax: 1,
    preparedStatements: true,
    sockets,
    onError,
  });
  const options = { listenConnectionString, checksArrival: true, arrivalMs: ARRIVAL_MS, sockets, onError };
  const opened = new PostgresSignals(pool, options);
  ends.push(async () => {
    opened.close();
    await Promise.all([pool.close(), sockets.closeWithin(1_000)]);
  });
  return opened;
}

/** Until a check that began now is over. */
async function checked(): Promise<void> {
  const since = performance.now();
  await eventually(() => performance.now() > since + 3 * ARRIVAL_MS, 'the end of the check');
}

/** How many connections of these signals listen, in whichever of the two databases. */
async function listening({ client }: TestDatabase): Promise<number> {
  const { rows } = await client.query(
    `select from pg_stat_activity where application_name = 'durable-mcp signals' and query like 'listen%'
      and state = 'idle' and datname = current_database()`,
  );
  return rows.length;
}

describe('a connection for signals', () => {
  // Catches: one that listens in another database: all works, only late, and nobody is told why.
  it('that leads to another database is reported, once, and signals on this instance are as before', async () => {
    const store = postgresStore({
      connectionString: database.url,
      listenConnectionString: elsewhere.url,
      onError: (error) => errors.push(error),
    });
    ends.push(() => store.close());
    let calls = 0;
    store.signals.watch(TOPIC, () => {
      calls += 1;
    });
    await eventually(() => errors.length > 0, 'a report', 10_000);
    expect(errors).toEqual([expect.objectContaining({ message: expect.stringMatching(DEAF) })]);
    const before = calls;
    await store.signals.publish(TOPIC);
    expect(calls).toBe(before + 1);
  });

  // Catches: a report wherever another connection is named, and a check that is told to the watchers of others.
  it('that leads to the same one is not', async () => {
    const [one, other] = [signals(database.url), signals(database.url)];
    let calls = 0;
    other.watch(TOPIC, () => {
      calls += 1;
    });
    await eventually(() => calls === 1, 'it listens');
    one.watch(TOPIC, () => {});
    await eventually(async () => (await listening(database)) === 2, 'both listen');
    await checked();
    expect(errors).toEqual([]);
    expect(calls).toBe(1);
    await one.publish(TOPIC);
    await eventually(() => calls > 1, 'the signal');
    expect(calls).toBe(2);
  });

  // Catches: an outage, or a network that has lost the connection, that is taken for a setting that is wrong.
  it('that has fallen silent is not, nor is one that is lost meanwhile', async () => {
    const proxy = await startTcpProxy(elsewhere.url);
    ends.push(() => proxy.close());
    signals(through(proxy, elsewhere.url)).watch(TOPIC, () => {});
    await eventually(async () => (await listening(elsewhere)) === 1, 'LISTEN');
    proxy.silence();
    await checked();
    expect(errors).toEqual([]);
    proxy.refuse();
    await eventually(() => errors.length > 0, 'the loss');
    await checked();
    expect(errors.map(String).filter((error) => DEAF.test(error))).toEqual([]);
  });
});
