import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../contract/fixtures.ts';
import { startRandomProxy } from '../support/random-proxy.ts';
import { connectClient } from '../support/service.ts';
import { type Server, type Servers, serversOn } from './servers.ts';

let servers: Servers;
let server: Server;

beforeAll(async () => {
  servers = await serversOn('postgres');
  server = await servers.start();
});
afterAll(() => servers?.close());

// The official client takes only a result for an answer: after an error it resumes the call's stream at its end.
// Given an empty stream there, it comes back without an event id, and so takes the session's own stream from
// itself, twice a second, for ever. It comes to rest where it is refused.
it('the official client comes to rest after a call that it cancelled', async () => {
  const listens: (string | undefined)[] = [];
  const proxy = await startRandomProxy({
    upstreams: [server.origin],
    choose: ({ method, headers }) => {
      if (method === 'GET') listens.push(headers['last-event-id']?.toString());
      return undefined;
    },
  });
  const { client, close } = await connectClient(`${proxy.origin}/mcp`);
  try {
    const abort = new AbortController();
    const begun = Date.now();
    const call = client.callTool({ name: 'hang' }, undefined, { signal: abort.signal });
    // By then the call has a stream, and the client an id to resume it from.
    await eventually(() => Date.now() - begun > 1_000, 'a second');
    abort.abort('enough');
    await expect(call).rejects.toThrow('enough');
    await eventually(() => server.process.stdout.includes('aborted'), 'the call is aborted');
    const since = Date.now();
    await eventually(
      () => Date.now() - since > 6_000,
      'time to come back more often than is allowed',
      10_000,
    );
    expect(listens.filter((id) => id === undefined || id.startsWith('standalone.'))).toEqual([undefined]);
    // At once, and for each of the client's two further attempts.
    expect(listens.length).toBeLessThanOrEqual(1 + 3);
  } finally {
    await close();
    await proxy.close();
  }
});
