import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandProcess } from '../support/process.ts';
import { connectClient, post, toolCall } from '../support/service.ts';

/** The whole service on its embedded engines, through the official client, with real kills. */
describe.each(['postgres', 'dynamodb'] as const)('%s', (store) => {
  let dataDir: string;
  const running = new Set<CommandProcess>();

  const start = (environment: Record<string, string> = {}): CommandProcess => {
    const server = new CommandProcess('dev.ts', ['--store', store, '--port', '0'], {
      DATA_DIR: dataDir,
      ...environment,
    });
    running.add(server);
    return server;
  };
  const killAll = async (signal: NodeJS.Signals): Promise<void> => {
    await Promise.all([...running].map((server) => server.kill(signal)));
    running.clear();
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'durable-mcp-e2e-'));
  });
  afterAll(async () => {
    await killAll('SIGTERM');
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  });

  // Catches: anything acknowledged before it is committed, and sessions kept in memory.
  it('reads back after kill -9 and a restart what was stored before', async () => {
    const client = await connectClient(await start().ready());
    const stored = await client.call('store_value', { key: 'user_id', value: 123 });
    const sessionId = client.transport.sessionId as string;
    expect(stored.structuredContent).toEqual({
      stored: true,
      session_id: sessionId,
      key: 'user_id',
      value: 123,
      version: 1,
      storage: store,
    });
    await killAll('SIGKILL');

    const again = await connectClient(await start().ready(), sessionId);
    const got = await again.call('get_value', { key: 'user_id' });
    expect(got.structuredContent).toEqual({
      found: true,
      session_id: sessionId,
      key: 'user_id',
      value: 123,
      version: 1,
    });
    expect(JSON.parse((got.content[0] as { text: string }).text)).toEqual(got.structuredContent);
    const info = await again.call('session_info');
    expect(info.structuredContent).toMatchObject({
      session_id: sessionId,
      storage_backend: store,
      protocol_version: '2025-11-25',
      client: { name: 'official', version: '7' },
      value_count: 1,
    });
    await killAll('SIGTERM');
  });

  it('serves one session on two instances, also after one of them was killed, and ends it on both', async () => {
    const [first, second] = [start(), start()];
    const [firstUrl, secondUrl] = [await first.ready(), await second.ready()];
    const a = await connectClient(firstUrl);
    const sessionId = a.transport.sessionId as string;
    const b = await connectClient(secondUrl, sessionId);
    expect((await b.client.listTools()).tools.map(({ name }) => name)).toEqual([
      'open_session',
      'close_session',
      'store_value',
      'get_value',
      'delete_value',
      'list_values',
      'session_info',
    ]);
    await a.call('store_value', { key: 'k', value: { from: 'a' } });
    expect((await b.call('get_value', { key: 'k' })).structuredContent).toMatchObject({
      value: { from: 'a' },
    });
    expect((await b.call('session_info')).structuredContent).toMatchObject({ client: { name: 'official' } });

    await first.kill('SIGKILL');
    await b.call('store_value', { key: 'k', value: { from: 'b' }, expected_version: 1 });
    const thirdUrl = await start().ready();
    const c = await connectClient(thirdUrl, sessionId);
    expect((await c.call('get_value', { key: 'k' })).structuredContent).toMatchObject({
      value: { from: 'b' },
      version: 2,
    });

    await c.transport.terminateSession();
    const state = await fetch(
      secondUrl,
      post(toolCall('get_value', { key: 'k' }), { 'Mcp-Session-Id': sessionId }),
    );
    expect(state.status === 404 || JSON.stringify(await state.json()).includes('"isError":true')).toBe(true);
    const ping = (url: string) =>
      fetch(url, post({ jsonrpc: '2.0', id: 1, method: 'ping' }, { 'Mcp-Session-Id': sessionId }));
    for (const url of [thirdUrl, secondUrl]) expect((await ping(url)).status).toBe(404);
    await killAll('SIGTERM');
  });

  it('answers 404 once the session has expired, and not before while it is used', async () => {
    const url = await start({ SESSION_TTL_SECONDS: '2' }).ready();
    const client = await connectClient(url);
    await client.call('store_value', { key: 'k', value: 1 });
    const usedFor = 3_000;
    const begin = Date.now();
    while (Date.now() - begin < usedFor) {
      expect((await client.call('get_value', { key: 'k' })).structuredContent).toMatchObject({ value: 1 });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { expires_at: expiresAt } = (await client.call('session_info')).structuredContent as {
      expires_at: string;
    };
    const headers = { 'Mcp-Session-Id': client.transport.sessionId as string };
    // While it listens, the session is in use.
    await client.close();
    const left = Date.now() + 2_000;
    while (Date.now() < Math.max(left, Date.parse(expiresAt)))
      await new Promise((resolve) => setTimeout(resolve, 20));
    const response = await fetch(url, post(toolCall('get_value', { key: 'k' }), headers));
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { data: { reason: 'session_not_found' } } });
    await killAll('SIGTERM');
  });

  it('stops on SIGTERM with exit code 0, letting a call that runs finish', async () => {
    const server = start();
    const client = await connectClient(await server.ready());
    const calls = Array.from({ length: 20 }, (_, index) =>
      client.call('store_value', { key: `k${index}`, value: index }),
    );
    const code = server.kill('SIGTERM');
    const settled = await Promise.allSettled(calls);
    expect(await code).toBe(0);
    const kept = settled.flatMap((each, index) =>
      each.status === 'fulfilled' && each.value.isError !== true ? [index] : [],
    );
    const again = await connectClient(await start().ready(), client.transport.sessionId);
    for (const index of kept) {
      expect((await again.call('get_value', { key: `k${index}` })).structuredContent).toMatchObject({
        value: index,
      });
    }
    await killAll('SIGTERM');
  });
});
