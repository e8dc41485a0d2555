import { afterEach, beforeEach, expect, it } from 'vitest';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually } from '../contract/fixtures.ts';
import { announcing } from '../streams/faults.suite.ts';
import { Gates } from '../streams/fixture/gates.ts';
import { scriptServer } from '../streams/fixture/script-server.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startTcpProxy, type TcpProxy, through } from '../support/tcp-proxy.ts';

let database: TestDatabase;
let proxy: TcpProxy;
let cluster: Cluster<{ open(): Promise<Store> }>;
const stores: Store[] = [];
let failures = 0;

beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await startTcpProxy(database.url);
  const gates = new Gates();
  cluster = await startCluster({
    harness: {
      // Of the first one, A, only what listens goes through the proxy.
      open: async () => {
        const isFirst = stores.length === 0;
        const store = postgresStore({
          connectionString: database.url,
          ...(isFirst ? { listenConnectionString: through(proxy, database.url) } : {}),
          onError: () => {
            failures += 1;
          },
        });
        stores.push(store);
        return store;
      },
    },
    count: 2,
    server: (instance, session) => scriptServer({ instance, session, gates }),
  });
});
afterEach(async () => {
  await cluster.close();
  await Promise.all(stores.map((store) => store.close()));
  await proxy.close();
  await database.drop();
});

// Catches: a listener that is not made again, and one that is, but after which nobody looks for what was missed: the
// next look at all streams is 30 s away.
it('what is said while A cannot listen reaches its stream as soon as it can again', async () => {
  const [a = '', b = ''] = cluster.origins;
  const client = await cluster.open({ at: a });
  const listening = await client.listen({ at: a });
  await client.result('run', announcing('before'), { at: b });
  await listening.until(() => listening.said.length === 1, 'the first message');

  proxy.refuse();
  await eventually(() => failures >= 3, 'attempts to listen');
  await client.result('run', announcing('one', 'two'), { at: b });
  expect(listening.said).toEqual(['before']);
  proxy.mend();
  await listening.until(() => listening.said.length >= 3, 'what was missed');
  await client.result('run', announcing('after'), { at: b });
  await listening.until(() => listening.said.length >= 4, 'a message over the new connection');
  expect(listening.said).toEqual(['before', 'one', 'two', 'after']);
});
