import { expect, it } from 'vitest';
import { eventually, times } from '../contract/fixtures.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { CommandProcess } from '../support/process.ts';
import { RawClient } from '../support/raw-client.ts';
import { startTcpProxy, through } from '../support/tcp-proxy.ts';
import { callOutcome } from './outcome.ts';

const SESSIONS = 20;

// Catches: a line for each connection, signal, stream or request that an outage meets, whoever tells of it, and a
// probe that goes on sending requests here.
it('a process whose store is gone says so once in a while, to its log and to probes, and goes on', async () => {
  const database = await createTestDatabase();
  const proxy = await startTcpProxy(database.url);
  const server = new CommandProcess('test/e2e/serve.ts', ['--store', 'postgres'], {
    DATABASE_URL: through(proxy, database.url),
  });
  try {
    const { origin } = new URL(await server.ready());
    const ready = async (): Promise<number> => (await fetch(`${origin}/readyz`)).status;
    const clients = await Promise.all(times(SESSIONS, () => RawClient.open(origin)));
    const streams = await Promise.all(clients.map((client) => client.listen()));
    const store = async (client: RawClient) => {
      const id = client.nextId();
      return callOutcome(await client.call('store_value', { key: 'x', value: id }, { id }), id);
    };
    await Promise.all(clients.map(store));
    expect(await ready()).toBe(200);

    proxy.refuse();
    await eventually(async () => (await ready()) === 503, 'not ready');
    let told = 0;
    await eventually(async () => {
      const outcomes = await Promise.all(clients.map(store));
      for (const { kind } of outcomes) expect(['failed', 'refused']).toContain(kind);
      told += outcomes.length;
      return told >= 400;
    }, 'callers are told');
    proxy.mend();
    await eventually(async () => (await ready()) === 200, 'ready');
    await Promise.all(
      clients.map((client) => eventually(async () => (await store(client)).kind === 'done', 'stored')),
    );
    expect(server.stderr).toContain('the session store failed');
    const lines = `${server.stdout}${server.stderr}`.match(/the session store failed/g) ?? [];
    expect(lines.length).toBeLessThanOrEqual(4);
    for (const stream of streams) stream.close();
  } finally {
    await server.kill('SIGKILL');
    await proxy.close();
    await database.drop();
  }
});
