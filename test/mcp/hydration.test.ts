import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SubscribeRequestSchema, UnsubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { LRUCache } from 'lru-cache';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { changeNotifier } from '../../src/adapters/mcp/change-notifier.ts';
import type { ServerFactory } from '../../src/adapters/mcp/server-factory.ts';
import { SessionEndpoint } from '../../src/adapters/mcp/sessions/session-endpoint.ts';
import { memoryStore, sharedMemory } from '../../src/adapters/memory/store.ts';
import { systemClock } from '../../src/app/system-clock.ts';
import { Changes } from '../../src/domain/changes.ts';
import { DEFAULT_LIMITS } from '../../src/domain/limits.ts';
import { Occupancy } from '../../src/domain/occupancy.ts';
import type { SessionRef } from '../../src/domain/session.ts';
import { Sessions } from '../../src/domain/sessions.ts';
import { SharedLog } from '../../src/domain/shared-log.ts';
import type { McpReply } from '../../src/ports/mcp-endpoint.ts';
import type { CachedSession } from '../../src/ports/session-cache.ts';
import type { Store } from '../../src/ports/store.ts';
import { HOUR } from '../contract/fixtures.ts';
import { onceInstance } from '../support/once-lab.ts';
import { initializeMessage, toolCall } from '../support/service.ts';

/** What a server went through, and gates that its tools wait at. */
interface Probe {
  readonly built: string[];
  readonly seen: string[];
  readonly gates: Map<string, () => void>;
  readonly aborted: string[];
}

function probeServer(probe: Probe): ServerFactory {
  return (state) => {
    probe.built.push(state.id);
    const server = new McpServer(
      { name: 'probe', version: '1' },
      { capabilities: { logging: {}, tools: {}, resources: { subscribe: true } } },
    );
    server.server.oninitialized = () => probe.seen.push('initialized');
    server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
      probe.seen.push(`subscribe ${params.uri}`);
      return {};
    });
    server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
      probe.seen.push(`unsubscribe ${params.uri}`);
      return {};
    });
    server.registerTool('client', {}, () => ({
      content: [],
      structuredContent: {
        capabilities: server.server.getClientCapabilities(),
        client: server.server.getClientVersion(),
      },
    }));
    server.registerTool('wait', { inputSchema: { gate: z.string() } }, async ({ gate }, { signal }) => {
      signal.addEventListener('abort', () => probe.aborted.push(gate));
      await new Promise<void>((resolve) => probe.gates.set(gate, resolve));
      return { content: [{ type: 'text', text: gate }] };
    });
    return server;
  };
}

/** Instances on one store, each with its own probe. */
function cluster(): () => { endpoint: SessionEndpoint; probe: Probe; store: Store } {
  const shared = sharedMemory();
  return () => {
    const store = memoryStore(shared);
    const probe: Probe = { built: [], seen: [], gates: new Map(), aborted: [] };
    const sessions = new Sessions({
      repository: store.sessions,
      signals: store.signals,
      cache: new LRUCache<SessionRef, CachedSession>({ max: 100, dispose: ({ release }) => release() }),
      clock: systemClock,
      lifetime: { idleMs: HOUR, maxLifetimeMs: HOUR },
      onError: () => {},
    });
    const { streams, liveness, once } = onceInstance(store, systemClock);
    const changes = new Changes({
      log: new SharedLog({ repository: store.sessions, streams, clock: systemClock }),
      clock: systemClock,
      onError: () => {},
    });
    const endpoint = new SessionEndpoint({
      sessions,
      repository: store.sessions,
      limits: DEFAULT_LIMITS,
      once,
      service: {
        storage: store.name,
        lifetime: sessions.lifetime,
        limits: DEFAULT_LIMITS,
        authenticates: false,
        onBug: () => {},
      },
      server: probeServer(probe),
      streams,
      liveness,
      changes,
      occupancy: new Occupancy(DEFAULT_LIMITS),
      directory: store.directory,
      notify: changeNotifier(changes, () => {}),
    });
    return { endpoint, probe, store };
  };
}

const ANYONE = { sessionId: undefined, protocolVersion: undefined, principal: undefined };

async function open(endpoint: SessionEndpoint, overrides = {}) {
  const reply = await endpoint.post(initializeMessage(overrides), ANYONE);
  if (reply.kind !== 'answered' || reply.sessionId === undefined) throw new Error(JSON.stringify(reply));
  return { ...ANYONE, sessionId: reply.sessionId };
}

function answer(reply: McpReply): {
  id: unknown;
  result?: Record<string, unknown>;
  error?: { code: number };
} {
  if (reply.kind !== 'answered') throw new Error(`not answered: ${JSON.stringify(reply)}`);
  return reply.body as { id: unknown; result?: Record<string, unknown> };
}

async function untilGate(probe: Probe, gate: string): Promise<() => void> {
  for (let turn = 0; turn < 1_000; turn += 1) {
    const release = probe.gates.get(gate);
    if (release !== undefined) return release;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`nobody waits at ${gate}`);
}

describe('an instance that never saw a session', () => {
  // Catches: a server that was not initialized, which would refuse elicitation and forget the client.
  it('knows the client’s capabilities and name', async () => {
    const instance = cluster();
    const [a, b] = [instance(), instance()];
    const capabilities = { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } };
    const caller = await open(a.endpoint, { capabilities });
    const { result } = answer(await b.endpoint.post(toolCall('client'), caller));
    expect(result?.['structuredContent']).toMatchObject({
      capabilities,
      client: { name: 'test-client', version: '1.2.3' },
    });
  });

  it('replays the log level and the subscriptions, and not `initialized`', async () => {
    const instance = cluster();
    const [a, b] = [instance(), instance()];
    const caller = await open(a.endpoint);
    const send = (method: string, params: object, id: number) =>
      a.endpoint.post({ jsonrpc: '2.0', id, method, params }, caller);
    await a.endpoint.post({ jsonrpc: '2.0', method: 'notifications/initialized' }, caller);
    await send('logging/setLevel', { level: 'error' }, 2);
    await send('resources/subscribe', { uri: 'x:1' }, 3);
    await send('resources/subscribe', { uri: 'x:2' }, 4);
    await send('resources/unsubscribe', { uri: 'x:1' }, 5);
    await b.endpoint.post(toolCall('client'), caller);
    expect(a.probe.seen).toEqual(['initialized', 'subscribe x:1', 'subscribe x:2', 'unsubscribe x:1']);
    expect(b.probe.seen).toEqual(['subscribe x:2']);
  });

  // Catches: a session record that grows with every subscription until no store takes it.
  it('subscribes to 64 KiB of URIs, and refuses more by name', async () => {
    const { endpoint } = cluster()();
    const caller = await open(endpoint);
    const subscribe = (uri: string) =>
      endpoint.post({ jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri } }, caller);
    // With brackets and quotes as JSON.
    const half = 32 * 1024;
    expect(answer(await subscribe('a'.repeat(half - 4))).result).toEqual({});
    await expect(subscribe('b'.repeat(half - 2))).rejects.toThrow(/^uri: .*65536 bytes/);
    expect(answer(await subscribe('b'.repeat(half - 3))).result).toEqual({});
  });

  it('builds one server for requests that come in together, and keeps it', async () => {
    const instance = cluster();
    const [a, b] = [instance(), instance()];
    const caller = await open(a.endpoint);
    await Promise.all(
      Array.from({ length: 10 }, (_, id) => b.endpoint.post(toolCall('client', {}, id), caller)),
    );
    await b.endpoint.post(toolCall('client'), caller);
    expect(b.probe.built).toHaveLength(1);
    expect(a.probe.built).toHaveLength(1);
  });

  it('hydrates anew what another instance changed, and not what it changed itself', async () => {
    const instance = cluster();
    const [a, b] = [instance(), instance()];
    const caller = await open(a.endpoint);
    await b.endpoint.post(toolCall('client'), caller);
    await a.endpoint.post(
      { jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri: 'x:1' } },
      caller,
    );
    await b.endpoint.post(toolCall('client'), caller);
    await a.endpoint.post(toolCall('client'), caller);
    expect(b.probe.built).toHaveLength(2);
    expect(b.probe.seen).toEqual(['subscribe x:1']);
    expect(a.probe.built).toHaveLength(1);
  });

  it('lets calls end on the server that was replaced', async () => {
    const instance = cluster();
    const [a, b] = [instance(), instance()];
    const caller = await open(a.endpoint);
    const slow = b.endpoint.post(toolCall('wait', { gate: 'g' }), caller);
    const release = await untilGate(b.probe, 'g');
    await a.endpoint.post(
      { jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri: 'x' } },
      caller,
    );
    await b.endpoint.post(toolCall('client'), caller);
    expect(b.probe.built).toHaveLength(2);
    release();
    expect(answer(await slow).result).toMatchObject({ content: [{ text: 'g' }] });
    expect(b.probe.aborted).toEqual([]);
  });
});

describe('calls', () => {
  // Catches: answers matched by the client's ids, which clients that reconnect use again.
  it('with the same id at one time each get their own answer', async () => {
    const { endpoint, probe } = cluster()();
    const caller = await open(endpoint);
    const calls = ['one', 'two'].map((gate) => endpoint.post(toolCall('wait', { gate }, 9), caller));
    (await untilGate(probe, 'two'))();
    (await untilGate(probe, 'one'))();
    const answers = (await Promise.all(calls)).map(answer);
    expect(answers.map(({ id }) => id)).toEqual([9, 9]);
    expect(answers.map(({ result }) => result?.['content'])).toMatchObject([
      [{ text: 'one' }],
      [{ text: 'two' }],
    ]);
  });

  it.each([0, 'a', ''])('with the id %j are aborted and end when they are cancelled', async (id) => {
    const { endpoint, probe } = cluster()();
    const caller = await open(endpoint);
    const call = endpoint.post(toolCall('wait', { gate: 'g' }, id), caller);
    await untilGate(probe, 'g');
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } };
    expect(await endpoint.post(cancelled, caller)).toEqual({ kind: 'accepted' });
    expect(answer(await call)).toMatchObject({ id, error: { code: -32_800 } });
    expect(probe.aborted).toEqual(['g']);
  });

  it('that run when their session is ended are ended with an error', async () => {
    const { endpoint, probe } = cluster()();
    const caller = await open(endpoint);
    const call = endpoint.post(toolCall('wait', { gate: 'g' }), caller);
    await untilGate(probe, 'g');
    await endpoint.terminate(caller);
    expect(answer(await call).error).toMatchObject({ message: expect.stringContaining('session was ended') });
    expect(probe.aborted).toEqual(['g']);
  });

  it('that run when the server stops are ended with an error that says so, and later ones are refused', async () => {
    const { endpoint, probe } = cluster()();
    const caller = await open(endpoint);
    const call = endpoint.post(toolCall('wait', { gate: 'g' }), caller);
    await untilGate(probe, 'g');
    await endpoint.stop();
    expect(answer(await call).error).toMatchObject({ message: expect.stringContaining('stopping') });
    expect(await endpoint.post(toolCall('client'), caller)).toMatchObject({
      kind: 'refused',
      problem: 'stopping',
    });
  });

  // Catches: a stop that only ends what runs in a server, and cuts off what still waits for the store.
  it('that still wait for the store when the server stops are refused, not cut off', async () => {
    const { endpoint, store } = cluster()();
    const caller = await open(endpoint);
    store.sessions.create = () => new Promise(() => {});
    const opening = endpoint.post(initializeMessage(), ANYONE);
    await new Promise((resolve) => setImmediate(resolve));
    await endpoint.stop();
    expect(await opening).toMatchObject({ kind: 'refused', problem: 'stopping', requestId: 1 });
    expect(await endpoint.terminate(caller)).toMatchObject({ kind: 'refused', problem: 'stopping' });
  });
});
