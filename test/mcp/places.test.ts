import { McpServer } from '@modelcontextprotocol/server';
import { expect, it } from 'vitest';
import { stateServer } from '../../src/adapters/mcp/tools/state-server.ts';
import { memoryStore } from '../../src/adapters/memory/store.ts';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import { DEFAULT_LIMITS } from '../../src/domain/limits.ts';
import { library } from '../support/library.ts';
import { initializeMessage, post, toolCall } from '../support/service.ts';

const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };

/** An endpoint with two places in all, in one session, whose event log and server can be made to fail. */
async function tiny() {
  const state = { isDown: false, isBroken: false };
  const store = memoryStore();
  const server = stateServer({ name: 'tiny', version: '1' });
  const options = {
    limits: { ...DEFAULT_LIMITS, streamsPerSession: 2, streamsPerInstance: 2 },
    server: (caller: Parameters<typeof server>[0]) => {
      if (state.isBroken) throw new Error('this server cannot be made');
      return server(caller);
    },
  };
  const first = library({ ...options, store });
  const opened = await first.request(post(initializeMessage()));
  const session = { 'Mcp-Session-Id': opened.headers.get('mcp-session-id') as string };
  const lastSequence: typeof store.events.lastSequence = async (...asked) => {
    if (state.isDown) throw new StoreUnavailable();
    return store.events.lastSequence(...asked);
  };
  const append: typeof store.events.append = async (...asked) => {
    if (state.isDown) throw new StoreUnavailable();
    return store.events.append(...asked);
  };
  const read: typeof store.events.read = async (...asked) => {
    if (state.isDown) throw new StoreUnavailable();
    return store.events.read(...asked);
  };
  // Another instance, which has no server of the session yet.
  const { request, mcp } = library({
    ...options,
    store: { ...store, events: { lastSequence, append, read } },
  });
  const listen = (more: Record<string, string> = {}): Promise<Response> =>
    request({ headers: { Accept: 'text/event-stream', ...session, ...more } });
  const close = () => Promise.all([first.mcp.close(), mcp.close()]);
  return { state, listen, ping: () => request(post(PING, session)), close };
}

// Catches: a place that nobody has and nobody gets, until an instance serves none at all.
it.each([
  ['a stream that is not there', 400, { 'Last-Event-ID': 'call-0123456789abcdef-0123456789abcdef.1' }],
  ['an event id of no form', 400, { 'Last-Event-ID': 'nothing' }],
])('a GET of %s keeps no place', async (_what, status, headers) => {
  const { listen, ping, close } = await tiny();
  for (let count = 0; count < 3; count += 1) expect((await listen(headers)).status).toBe(status);
  expect((await ping()).status).toBe(200);
  await close();
});

it('a GET that the store fails keeps no place', async () => {
  const { state, listen, ping, close } = await tiny();
  state.isDown = true;
  for (let count = 0; count < 3; count += 1) expect((await listen()).status).toBe(503);
  state.isDown = false;
  expect((await ping()).status).toBe(200);
  await close();
});

it('a request whose server cannot be made keeps no place', async () => {
  const { state, ping, close } = await tiny();
  state.isBroken = true;
  for (let count = 0; count < 3; count += 1) expect((await ping()).status).toBe(500);
  state.isBroken = false;
  expect((await ping()).status).toBe(200);
  await close();
});

// Catches: a session that takes all places of an instance, with connections that take a stream over from each other
// and whose client reads none of them.
it('a session has no more connections to streams that were taken over than it has places', async () => {
  const { mcp, request } = library({
    limits: { ...DEFAULT_LIMITS, streamsPerSession: 2 },
    server: stateServer({ name: 'tiny', version: '1' }),
  });
  const opened = await request(post(initializeMessage()));
  const session = { 'Mcp-Session-Id': opened.headers.get('mcp-session-id') as string };
  const listen = () => request({ headers: { Accept: 'text/event-stream', ...session } });
  const unread = [await listen(), await listen(), await listen()];
  expect(unread.map(({ status }) => status)).toEqual([200, 200, 200]);
  const beyond = await listen();
  expect(beyond.status).toBe(429);
  expect(await beyond.text()).toContain('streams: 2 older connections to streams of this session');
  expect((await request(post(PING, session))).status).toBe(200);
  await unread[0]?.body?.cancel();
  unread.push(await listen());
  expect(unread.at(-1)?.status).toBe(200);
  for (const { body } of unread.slice(1)) await body?.cancel();
  await mcp.close();
});

// Catches: a place that is given back with the end of the call, so that a client that reads nothing has any number of
// connections open.
it('a call that is over keeps its place while a client is connected to its stream', async () => {
  const { mcp, request } = library({
    limits: { ...DEFAULT_LIMITS, streamsPerSession: 1 },
    server: () => {
      const server = new McpServer({ name: 'sayer', version: '1' }, { capabilities: { logging: {} } });
      server.registerTool('say', {}, async ({ mcpReq }) => {
        await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data: 'said' } });
        return { content: [] };
      });
      return server;
    },
  });
  const opened = await request(post(initializeMessage()));
  const session = { 'Mcp-Session-Id': opened.headers.get('mcp-session-id') as string };
  const { body } = await request(post(toolCall('say'), session));
  await mcp.idle();
  expect((await request(post(PING, session))).status).toBe(429);
  await body?.cancel();
  expect((await request(post(PING, session))).status).toBe(200);
  await mcp.close();
});
