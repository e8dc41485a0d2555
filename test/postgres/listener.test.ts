import { expect, it } from 'vitest';
import { Listener } from '../../src/adapters/postgres/listener.ts';
import { Sockets } from '../../src/adapters/postgres/sockets.ts';
import { eventually } from '../contract/fixtures.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { startTcpProxy, through } from '../support/tcp-proxy.ts';

// Catches: a listener that waits for the end of a connection, of which a network that lost it says nothing.
it('a connection that has become silent is replaced after a heartbeat without an answer', {
  timeout: 30_000,
}, async () => {
  const database = await createTestDatabase();
  const proxy = await startTcpProxy(database.url);
  const heard: string[] = [];
  let listening = 0;
  const sockets = new Sockets();
  const listener = new Listener({
    connectionString: through(proxy, database.url),
    channel: 'test',
    sockets,
    heartbeatMs: 100,
    onNotification: (payload) => heard.push(payload),
    onListening: () => {
      listening += 1;
    },
    onError: () => {},
  });
  try {
    await eventually(() => listening === 1, 'LISTEN');
    proxy.silence();
    await eventually(() => listening === 2, 'LISTEN anew', 15_000);
    await database.client.query(`notify test, 'again'`);
    await eventually(() => heard.length > 0, 'a notification');
    expect(heard).toEqual(['again']);
  } finally {
    listener.close();
    await sockets.closeWithin(1_000);
    await proxy.close();
    await database.drop();
  }
});
