import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChangeBus } from '../../src/adapters/mcp/stateless/change-bus.ts';
import { Changes } from '../../src/domain/changes.ts';
import { InvalidArgument, StoreUnavailable } from '../../src/domain/errors.ts';
import type { SessionRef } from '../../src/domain/session.ts';
import { SharedLog } from '../../src/domain/shared-log.ts';
import { SseConnection } from '../support/sse-connection.ts';
import { type LabInstance, type StreamLab, streamLab } from '../support/stream-lab.ts';

const TOOLS = { kind: 'tools_list_changed' } as const;

interface Instance extends LabInstance {
  readonly changes: Changes;
  readonly bus: ChangeBus;
  readonly onMissed: ReturnType<typeof vi.fn<() => void>>;
  readonly handler: ReturnType<typeof createMcpHandler>;
}

let lab: StreamLab;
let a: Instance;
let b: Instance;

beforeEach(async () => {
  lab = await streamLab();
  [a, b] = [instance(), instance()];
});
afterEach(() => Promise.all([a.handler.close(), b.handler.close()]));

function instance(): Instance {
  const made = lab.instance();
  const onError = (error: unknown): unknown => made.errors.push(error);
  const log = new SharedLog({ repository: made.store.sessions, streams: made.streams, clock: lab.clock });
  const changes = new Changes({ log, clock: lab.clock, onError });
  const onMissed = vi.fn<() => void>();
  const bus = new ChangeBus({ changes, onError, onMissed });
  const server = (): McpServer => {
    const capabilities = { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } };
    return new McpServer({ name: 'bus', version: '1' }, { capabilities });
  };
  const handler = createMcpHandler(server, { legacy: 'reject', bus, keepAliveMs: 0 });
  return { ...made, changes, bus, handler, onMissed };
}

/** A client's listen stream, opened as an endpoint is to do it. */
async function listen({ bus, handler }: Instance, notifications: object): Promise<SseConnection> {
  const cut = new AbortController();
  const release = await bus.ready();
  const response = await handler.fetch(
    new Request('http://localhost/mcp', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
        'MCP-Protocol-Version': '2026-07-28',
        'Mcp-Method': 'subscriptions/listen',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'subscriptions/listen',
        params: {
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientInfo': { name: 'listener', version: '1' },
            'io.modelcontextprotocol/clientCapabilities': {},
          },
          notifications,
        },
      }),
      signal: cut.signal,
    }),
  );
  release();
  if (response.headers.get('content-type') !== 'text/event-stream') throw new Error(await response.text());
  return new SseConnection(response.body as ReadableStream<Uint8Array>, cut);
}

/** Waits for so many messages, and for more that must not come. */
async function messagesOf(stream: SseConnection, count: number): Promise<unknown[]> {
  await stream.until(() => stream.messages.length >= count, `${count} messages`);
  await lab.pass();
  return stream.messages.map(({ method, params }) => params.uri ?? method?.replace('notifications/', ''));
}

describe('a listen stream', () => {
  // Catches: a bus that begins to listen only after the client was told that it does.
  it('is told of a change on any instance, from its acknowledgement on', async () => {
    const one = await listen(a, { toolsListChanged: true });
    const other = await listen(b, { toolsListChanged: true, resourceSubscriptions: ['x:1'] });
    await b.changes.publish({ kind: 'tools_list_changed' });
    a.bus.publish({ kind: 'resource_updated', uri: 'x:2' });
    a.bus.publish({ kind: 'resource_updated', uri: 'x:1' });
    const acknowledged = ['subscriptions/acknowledged', 'tools/list_changed'];
    expect(await messagesOf(other, 3)).toEqual([...acknowledged, 'x:1']);
    expect(await messagesOf(one, 2)).toEqual(acknowledged);
  });

  // Catches: an acknowledgement during an outage, when nobody can say what will be missed.
  it('is not opened where the log cannot be followed', async () => {
    const last = vi.spyOn(a.store.events, 'lastSequence').mockRejectedValueOnce(new StoreUnavailable());
    await expect(listen(a, { toolsListChanged: true })).rejects.toThrow(StoreUnavailable);
    await lab.pass(60_000);
    expect(last).toHaveBeenCalledTimes(1);
    const stream = await listen(a, { toolsListChanged: true });
    await b.changes.publish(TOOLS);
    expect(await messagesOf(stream, 2)).toHaveLength(2);
  });

  // Catches: a client that goes on with a list, or a resource, that it does not know to be old.
  it('is told that every list has changed where changes were missed, and its owner to end it', async () => {
    await b.changes.publish(TOOLS);
    const stream = await listen(a, {
      toolsListChanged: true,
      promptsListChanged: true,
      resourcesListChanged: true,
    });
    lab.shared.data.remove('shared' as SessionRef);
    expect(a.onMissed).not.toHaveBeenCalled();
    await lab.pass(1_000);
    expect(await messagesOf(stream, 3)).toEqual([
      'subscriptions/acknowledged',
      'tools/list_changed',
      'resources/list_changed',
    ]);
    expect(a.onMissed).toHaveBeenCalledTimes(1);
  });
});

describe('the bus', () => {
  // Catches: a listener that takes the others with it when it leaves or throws, or is told of what came after.
  it('tells each listener until it leaves, whatever others do', async () => {
    const told: string[] = [];
    a.bus.subscribe(() => {
      throw new Error('a bad listener');
    });
    const leave = ['one', 'two'].map((name) => a.bus.subscribe(({ kind }) => told.push(`${name} ${kind}`)));
    await lab.pass();
    await b.changes.publish(TOOLS);
    await lab.pass();
    leave[0]?.();
    leave[0]?.();
    await b.changes.publish(TOOLS);
    await lab.pass();
    expect(told).toEqual(['one tools_list_changed', 'two tools_list_changed', 'two tools_list_changed']);
    expect(a.errors).toEqual([new Error('a bad listener'), new Error('a bad listener')]);
  });

  it('reports what cannot be published', async () => {
    a.bus.publish({ kind: 'resource_updated', uri: '' });
    await lab.pass();
    expect(a.errors).toEqual([expect.any(InvalidArgument)]);
  });

  // Catches: a log that is followed, on DynamoDB polled, for clients that have all left.
  it('follows the log only while somebody listens or is about to', async () => {
    const subscribe = vi.spyOn(a.changes, 'subscribe');
    const ends = (): number[] => subscribe.mock.results.map(({ value }) => value.end.mock.calls.length);
    subscribe.mockImplementation(() => ({ ready: Promise.resolve(0), end: vi.fn() }));
    const letGo = await a.bus.ready();
    const leave = a.bus.subscribe(() => {});
    letGo();
    letGo();
    expect(ends()).toEqual([0]);
    leave();
    leave();
    expect(ends()).toEqual([1]);
    (await a.bus.ready())();
    expect(ends()).toEqual([1, 1]);
  });
});
