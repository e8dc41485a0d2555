import { describe, expect, it } from 'vitest';
import { eventually } from '../contract/fixtures.ts';
import type { NewCluster } from '../streams/streams.suite.ts';
import { type RawClient, type Reply, streamOf } from '../support/raw-client.ts';
import { statelessPost } from '../support/stateless-request.ts';

const WAITS = { steps: [{ say: 'begun' }, { gate: 'open' }] };

function messageOf({ body }: Reply): string {
  return (body as { readonly error: { readonly message: string } }).error.message;
}

/** How many calls may run and streams be open at one time, whatever the store: as many as is said, and not one more. */
export function streamLimitsSuite(newCluster: NewCluster): void {
  describe('calls and streams at one time', () => {
    const FULL = /^streams: this session has 2 calls and streams at one time already, the most allowed/;
    const isRefused = async (client: RawClient): Promise<boolean> => {
      const reply = await client.post({ jsonrpc: '2.0', id: client.nextId(), method: 'ping' });
      expect([200, 429]).toContain(reply.status);
      return reply.status === 429;
    };

    // Catches: a place that is kept for ever, or given back while the call still runs for a client that hung up.
    it('of a session are as many as is said, and their places are free again when they are over', async () => {
      const { gates, ...cluster } = await newCluster({ count: 1, limits: { streamsPerSession: 2 } });
      const [client, other] = [await cluster.open(), await cluster.open()];
      const [first, second] = [await client.call('run', WAITS), await client.call('run', WAITS)];
      const [one, two] = [streamOf(first), streamOf(second)];
      const beyond = await client.call('run', WAITS);
      expect([beyond.status, messageOf(beyond)]).toEqual([429, expect.stringMatching(FULL)]);
      const listening = await client.get();
      expect([listening.status, messageOf(listening)]).toEqual([429, expect.stringMatching(FULL)]);
      expect(await other.ping()).toBe(200);
      // What holds up the calls can still be said.
      await client.tell({ method: 'notifications/cancelled', params: { requestId: -1 } });
      one.close();
      await one.over();
      expect(await isRefused(client)).toBe(true);
      gates.openAll();
      await two.end();
      await eventually(async () => !(await isRefused(client)), 'there is room again');
      const [again, more] = [await client.listen(), await client.call('run', { steps: [] })];
      expect(more.status).toBe(200);
      again.close();
    });

    // Catches: a client that cannot come back, because the server does not know yet that it was gone.
    it('leave room for a connection that takes a stream over from another', async () => {
      const cluster = await newCluster({ count: 1, limits: { streamsPerSession: 1 } });
      const client = await cluster.open();
      const older = await client.listen();
      const newer = await client.listen();
      await older.end();
      expect(await isRefused(client)).toBe(true);
      newer.close();
      await eventually(async () => !(await isRefused(client)), 'there is room again');
    });

    // Catches: requests of one era that the other one does not count.
    it('of an instance are as many as is said, of both eras, and one more is to come back', async () => {
      const { a, gates, ...cluster } = await newCluster({ count: 1, limits: { streamsPerInstance: 2 } });
      const clients = [await cluster.open(), await cluster.open()];
      const streams = await Promise.all(clients.map(async (each) => streamOf(await each.call('run', WAITS))));
      const requests = [
        statelessPost('subscriptions/listen', { notifications: {} }),
        statelessPost('tools/list'),
        {
          headers: { Accept: 'text/event-stream', 'Mcp-Session-Id': clients[0]?.sessionId as string },
        },
      ];
      for (const request of requests) {
        const response = await fetch(`${a}/mcp`, request);
        expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
        expect(await response.json()).toMatchObject({
          error: {
            message: expect.stringMatching(/^streams: this instance has 2 /),
            data: { reason: 'instance_full' },
          },
        });
      }
      gates.openAll();
      await Promise.all(streams.map((each) => each.end()));
      await eventually(async () => (await clients[0]?.ping()) === 200, 'there is room again');
    });
  });
}
