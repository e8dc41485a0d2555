import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../contract/fixtures.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { memoryHarness } from '../support/memory.ts';
import { streamOf } from '../support/raw-client.ts';

/** Every server that was made, in order, with the instance it was made on. */
let made: { readonly instance: string; readonly server: McpServer }[];
let cluster: Cluster;
let release: () => void;

beforeEach(async () => {
  made = [];
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  cluster = await startCluster({
    harness: await memoryHarness(),
    server: (instance) => {
      const server = new McpServer({ name: 'careless', version: '1' }, { capabilities: { logging: {} } });
      server.registerTool('circular', {}, async () => {
        await released;
        const content: { type: 'text'; text: string; _meta: Record<string, unknown> }[] = [
          { type: 'text', text: '', _meta: {} },
        ];
        content[0]?._meta && Object.assign(content[0]._meta, { self: content });
        return { content };
      });
      made.push({ instance, server });
      return server;
    },
  });
});
afterEach(async () => {
  release();
  await cluster.close();
});

const talk = ({ server }: { readonly server: McpServer }): Promise<void> =>
  server.sendLoggingMessage({ level: 'info', data: 'is anybody there?' });

describe('a server that goes on talking', () => {
  // Catches: a rejection of the SDK that nobody handles, which would end the process with all of its sessions.
  it('is not refused once another has taken its place', async () => {
    const [a = '', b = ''] = cluster.origins;
    const client = await cluster.open({ at: a });
    const level = { jsonrpc: '2.0', id: 1, method: 'logging/setLevel', params: { level: 'debug' } };
    await client.post(level, b);
    await client.post({ jsonrpc: '2.0', id: 2, method: 'ping' }, a);
    const [first] = made;
    if (first === undefined) throw new Error('no server was made');
    expect(made.map(({ instance }) => instance)).toEqual(['a', 'b', 'a']);
    await eventually(() => first.server.isConnected(), 'the loose end');
    await expect(talk(first)).resolves.toBeUndefined();
    await expect(first.server.server.listRoots()).rejects.toThrow('roots/list');
  });

  // Catches: a server that is closed twice where a call runs, so that it has nothing to be connected to.
  it.each(['idle', 'in a call'])('is not refused once its session has ended, %s', async (state) => {
    const client = await cluster.open();
    const running = state === 'idle' ? undefined : client.call('circular');
    const [only] = made;
    if (only === undefined) throw new Error('no server was made');
    await fetch(`${client.origin}/mcp`, {
      method: 'DELETE',
      headers: { 'Mcp-Session-Id': client.sessionId },
    });
    await running;
    // The server is let go a moment later.
    for (let turn = 0; turn < 20; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      await expect(talk(only)).resolves.toBeUndefined();
    }
  });
});

describe('a server that closes itself', () => {
  // Catches: requests that go to a server which can answer nothing any more.
  it('is replaced for the next request', async () => {
    const client = await cluster.open({ at: cluster.origins[0] as string });
    await made[0]?.server.close();
    expect((await client.post({ jsonrpc: '2.0', id: 3, method: 'ping' })).body).toMatchObject({ result: {} });
  });
});

describe('a server that throws where it is handed a message', () => {
  const PING = { jsonrpc: '2.0', id: 3, method: 'ping' };

  // Catches: a rejection that nobody handles, which would end the process, and a client that waits for ever.
  it('has its requests answered with an error, and loses nothing but what it threw at', async () => {
    const client = await cluster.open({ at: cluster.origins[0] as string });
    await client.post(PING);
    const { transport } = made.at(-1)?.server.server ?? {};
    if (transport === undefined) throw new Error('no server was made');
    const { onmessage } = transport;
    transport.onmessage = () => {
      throw new RangeError('Maximum call stack size exceeded');
    };
    const { status, body } = await client.post(PING);
    expect({ status, body }).toEqual({
      status: 200,
      body: { jsonrpc: '2.0', id: 3, error: { code: -32_603, message: 'Internal error' } },
    });
    expect((await client.post({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' })).status).toBe(
      202,
    );
    if (onmessage !== undefined) transport.onmessage = onmessage;
    expect((await client.post(PING)).body).toMatchObject({ id: 3, result: {} });
  });
});

describe('a result that cannot be written as JSON', () => {
  // Catches: a stream that stays open for ever because its answer could not be kept.
  it('ends its stream with an error, on every resumption', async () => {
    const client = await cluster.open();
    const stream = streamOf(await client.call('circular', {}, { id: 7 }));
    release();
    await stream.end();
    const expected = [{ id: 7, error: { code: -32_603, message: expect.stringContaining('JSON') } }];
    expect(stream.answers).toMatchObject(expected);
    const resumed = await client.listen({ lastEventId: stream.firstEventId });
    await resumed.end();
    expect(resumed.answers).toMatchObject(expected);
  });
});
