import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../contract/fixtures.ts';
import { RawSession } from '../support/raw-session.ts';
import { initializeMessage, post } from '../support/service.ts';
import { type Server, type Servers, STORES, serversOn } from './servers.ts';

/** An operator's mistake, and its repair, under a server that runs. */
describe.concurrent.each(STORES)(
  '%s',
  (store) => {
    let servers: Servers;
    let server: Server;

    beforeAll(async () => {
      servers = await serversOn(store);
      server = await servers.start();
    });
    afterAll(() => servers?.close());

    // Catches: a background look or beat whose failure ends the process; a statement that remembers tables that are
    // gone; a session that is still served from memory.
    it('a server whose tables are torn down says so, and serves again once they are set up', async () => {
      const { url, origin } = server;
      const readiness = async (): Promise<number> => (await fetch(`${origin}/readyz`)).status;
      const before = await RawSession.open(url);
      await before.call(url, 'store_value', { key: 'k', value: 1 });
      const listening = await before.listen(url);
      const counting = await before.stream(url, 'count', 'count', { to: 100_000, delay_ms: 20 });
      await counting.untilSaid(2);

      const torn = await servers.run('teardown.ts', { CONFIRM_DELETE: 'yes' });
      expect(torn.stdout).toContain('verified that it is gone');
      expect(await readiness()).toBe(503);
      const refused = await before.post(url, { jsonrpc: '2.0', id: 1, method: 'ping' });
      expect(refused.status).toBe(503);
      expect(refused.headers.get('retry-after')).toBe('1');
      const setup = store === 'postgres' ? 'npm run migrate' : 'npm run setup:dynamodb';
      expect(JSON.stringify(await refused.json())).toContain(setup);
      expect((await fetch(url, post(initializeMessage()))).status).toBe(503);

      expect((await servers.run('setup.ts')).stdout).toContain('created ');
      await eventually(async () => (await readiness()) === 200, 'the server is ready again');
      expect(await before.ping(url)).toBe(404);
      const after = await RawSession.open(url);
      expect((await after.call(url, 'store_value', { key: 'k', value: 2 })).result).toMatchObject({
        structuredContent: { stored: true, version: 1 },
      });
      expect((await after.call(url, 'get_value', { key: 'k' })).result).toMatchObject({
        structuredContent: { value: 2 },
      });
      // What belonged to the session that is gone has ended.
      await Promise.all([counting.over(), listening.over()]);
      expect(await server.process.kill('SIGTERM')).toBe(0);
      expect(server.process.stderr).not.toContain('unexpected error');
    });
  },
  60_000,
);
