import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { McpServer } from '@modelcontextprotocol/server';
import { expect, it } from 'vitest';
import { SdkStatelessEndpoint } from '../../src/adapters/mcp/stateless/stateless-endpoint.ts';
import type { ChangeListener, Changes } from '../../src/domain/changes.ts';
import { DEFAULT_LIMITS } from '../../src/domain/limits.ts';
import { Occupancy } from '../../src/domain/occupancy.ts';
import { SseConnection } from '../support/sse-connection.ts';
import { statelessPost } from '../support/stateless-request.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

// Catches: clients that go on listening although nobody knows what they missed, or that take a stream's end for the
// server's wish to be left alone.
it('streams are broken off when changes were missed, and can be opened again', async () => {
  const listeners = new Set<ChangeListener>();
  const subscribe: Changes['subscribe'] = (listener) => {
    listeners.add(listener);
    return { ready: Promise.resolve(0), end: () => listeners.delete(listener) };
  };
  const endpoint = new SdkStatelessEndpoint({
    server: () => {
      const server = new McpServer({ name: 'test', version: '1' });
      server.registerResource('r', 'test://r', {}, () => ({ contents: [] }));
      return server;
    },
    changes: { subscribe } as unknown as Changes,
    occupancy: new Occupancy(DEFAULT_LIMITS),
    onError: (error) => {
      throw error;
    },
    onBug: (error) => {
      throw error;
    },
  });
  const listen = async (): Promise<SseConnection> => {
    const init = statelessPost('subscriptions/listen', { notifications: { resourcesListChanged: true } });
    const body: unknown = JSON.parse(String(init.body));
    const response = await endpoint.answer(new Request('http://localhost/mcp', init), body, undefined);
    if (!(response instanceof Response) || response.body === null) throw new Error('no stream');
    const stream = new SseConnection(response.body, new AbortController());
    await stream.until(() => stream.messages.length === 1, 'the acknowledgement');
    return stream;
  };
  const stream = await listen();
  // A signal of the platform is only as alive as the request that it was made for.
  collectGarbage();
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  for (const listener of listeners) listener({ kind: 'missed', sequence: 1 });
  await stream.over();
  const methods = stream.messages.map(({ method }) => method);
  expect(methods).toEqual([
    'notifications/subscriptions/acknowledged',
    'notifications/resources/list_changed',
  ]);
  expect(stream.answers).toEqual([]);
  expect(listeners.size).toBe(0);
  await listen();
  expect(listeners.size).toBe(1);
  await endpoint.stop();
  expect(listeners.size).toBe(0);
});
