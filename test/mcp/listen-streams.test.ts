import { getEventListeners } from 'node:events';
import { McpServer } from '@modelcontextprotocol/server';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ListenStreams } from '../../src/adapters/mcp/stateless/listen-streams.ts';
import type { Change, ChangeStep } from '../../src/domain/change.ts';
import type { ChangeListener, Changes } from '../../src/domain/changes.ts';
import { InstanceFull } from '../../src/domain/errors.ts';
import { Occupancy } from '../../src/domain/occupancy.ts';
import { statelessPost } from '../support/stateless-request.ts';

const URI = `test://${'x'.repeat(4_000)}`;
const UPDATE: Change = { kind: 'resource_updated', uri: URI };
const MIB = 1024 * 1024;

let listeners: Set<ChangeListener>;
let streams: ListenStreams;
let client: AbortController;

beforeEach(() => {
  listeners = new Set();
  client = new AbortController();
  const subscribe: Changes['subscribe'] = (listener) => {
    listeners.add(listener);
    return { ready: Promise.resolve(0), end: () => listeners.delete(listener) };
  };
  const fail = (error: unknown): never => {
    throw error;
  };
  streams = new ListenStreams({
    server: () =>
      new McpServer({ name: 'test', version: '1' }, { capabilities: { resources: { subscribe: true } } }),
    changes: { subscribe } as unknown as Changes,
    occupancy: new Occupancy({ streamsPerSession: 1, streamsPerInstance: 1 }),
    onError: fail,
    onBug: fail,
  });
});
afterEach(() => streams.end());

async function listen(notifications: unknown = { resourceSubscriptions: [URI] }) {
  const init = statelessPost('subscriptions/listen', { notifications });
  const request = new Request('http://localhost/mcp', { ...init, signal: client.signal });
  const response = await streams.answer(request, JSON.parse(String(init.body)), undefined);
  if (!(response instanceof Response) || response.body === null) throw new Error('no response');
  return { request, response, reader: response.body.getReader() };
}

async function update(times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    tell({ kind: 'change', sequence: time + 1, change: UPDATE });
  }
  await settled();
}

function tell(step: ChangeStep): void {
  for (const listener of listeners) listener(step);
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

// Catches: a client that has the server keep every change that it does not read.
it('a stream that nobody reads is broken off at 1 MiB, without the result', async () => {
  const { reader } = await listen();
  await update(200);
  expect(listeners.size).toBe(1);
  await update(100);
  expect(listeners.size).toBe(0);
  await expect(reader.read()).rejects.toThrow('broken off');
  // The client may listen again.
  expect((await listen()).response.headers.get('content-type')).toBe('text/event-stream');
});

// Catches: a limit of what a stream carries in its life.
it('a stream that is read goes on', async () => {
  const { reader } = await listen();
  let bytes = 0;
  while (bytes < 2 * MIB) {
    await update(10);
    for (let chunk = 0; chunk < 10; chunk += 1) bytes += (await reader.read()).value?.length ?? 0;
  }
  expect(listeners.size).toBe(1);
});

// Catches: streams that are counted, or that their request's signal holds, for as long as the process lives.
it.each<[string, (opened: Awaited<ReturnType<typeof listen>>) => unknown]>([
  ['its client closes it', ({ reader }) => reader.cancel()],
  ['its client hangs up', () => client.abort()],
  ['changes were missed', () => tell({ kind: 'missed', sequence: 1 })],
])('nothing is left of a stream when %s', async (_, end) => {
  const opened = await listen();
  expect(getEventListeners(opened.request.signal, 'abort').length).toBeGreaterThan(0);
  await end(opened);
  await settled();
  expect(listeners.size).toBe(0);
  expect(getEventListeners(opened.request.signal, 'abort')).toEqual([]);
  client = new AbortController();
  expect((await listen()).response.headers.get('content-type')).toBe('text/event-stream');
});

it('nothing is left of a request that opens no stream', async () => {
  const refused = await listen('nonsense');
  expect(await new Response(await all(refused.reader)).json()).toMatchObject({ error: { code: -32_602 } });
  expect(getEventListeners(refused.request.signal, 'abort')).toEqual([]);
  expect((await listen()).response.headers.get('content-type')).toBe('text/event-stream');
  await expect(listen()).rejects.toThrow(InstanceFull);
});

async function all(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  let text = '';
  for (let read = await reader.read(); !read.done; read = await reader.read())
    text += Buffer.from(read.value);
  return text;
}
