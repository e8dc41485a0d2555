import { describe, expect, it } from 'vitest';
import { streamOf } from '../support/raw-client.ts';
import { officialClient } from './fixture/official-client.ts';
import type { NewCluster } from './streams.suite.ts';

/** Connections that the server ends so that its client polls (2025-11-25, SEP-1699). */
export function pollingSuite(newCluster: NewCluster): void {
  describe('a connection that a handler closes', () => {
    // Catches: an end without a `retry`, one that ends the call too, and one that comes before what was said.
    it('of its call ends with a retry, and the rest comes on resumption', async () => {
      const { gates, a, b, ...cluster } = await newCluster();
      const client = await cluster.open();
      const steps = [{ say: 'one' }, { disconnect: 'call' }, { gate: 'on' }, { say: 'two' }];
      const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      await stream.end();
      expect(stream.said).toEqual(['one']);
      expect(stream.events.at(-1)).toEqual({ retry: expect.any(Number) });
      const resumed = await client.listen({ at: b, lastEventId: String(stream.lastEventId) });
      gates.open('on');
      await resumed.end();
      expect(resumed.said).toEqual(['two']);
      expect(resumed.messages.at(-1)).toMatchObject({ id: 1, result: {} });
    });

    it('before anything was said leaves its client an id to come back with', async () => {
      const { gates, b, ...cluster } = await newCluster();
      const client = await cluster.open();
      const steps = [{ disconnect: 'call' }, { gate: 'on' }, { disconnect: 'call' }];
      const stream = streamOf(await client.call('run', { steps }, { id: 1 }));
      await stream.end();
      gates.open('on');
      const resumed = await client.listen({ at: b, lastEventId: String(stream.lastEventId) });
      await resumed.end();
      expect(resumed.messages).toMatchObject([{ id: 1, result: {} }]);
    });

    // Catches: a stop that ends a connection whose client has no event id yet, and so nothing to come back with.
    it('at a stop, of a client that cannot resume yet, stays open until it can', async () => {
      const { gates, a, b, ...cluster } = await newCluster();
      const client = await cluster.open({ protocolVersion: '2025-06-18' });
      const steps = [{ gate: 'one' }, { say: 'one' }, { gate: 'two' }, { say: 'two' }];
      const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      cluster.mcp('a').endStreams();
      expect(stream.outcome).toBeUndefined();
      gates.open('one');
      await stream.end();
      expect(stream.said).toEqual(['one']);
      gates.open('two');
      const resumed = await client.listen({ at: b, lastEventId: String(stream.lastEventId) });
      await resumed.end();
      expect(resumed.said).toEqual(['two']);
      expect(resumed.answers).toMatchObject([{ id: 1, result: {} }]);
    });

    // Catches: a handler that can only close a GET connection to its own instance.
    it.each(['a', 'b'] as const)(
      'on %s, of the session, ends with a retry, and goes on when resumed',
      async (where) => {
        const { a, c, gates, ...cluster } = await newCluster();
        const client = await cluster.open();
        const listening = await client.listen({ at: { a, b: cluster.b }[where] });
        const steps = [{ announce: 'one' }, { disconnect: 'session' }, { gate: 'on' }, { announce: 'two' }];
        const call = client.call('run', { steps }, { at: a, id: 1 });
        await listening.end();
        expect(listening.said).toEqual(['one']);
        expect(listening.events.at(-1)).toEqual({ retry: expect.any(Number) });
        gates.open('on');
        await call;
        const resumed = await client.listen({ at: c, lastEventId: String(listening.lastEventId) });
        await resumed.until(() => resumed.said.length === 1, 'what was said meanwhile');
        await client.call('run', { steps: [{ announce: 'three' }] }, { at: a });
        await resumed.until(() => resumed.said.length === 2, 'what is said then');
        expect(resumed.said).toEqual(['two', 'three']);
      },
    );

    // Catches: messages before the first GET that are lost because there was no connection to close.
    it('of the session, before there is any, changes nothing', async () => {
      const cluster = await newCluster();
      const client = await cluster.open();
      const { gates } = cluster;
      const steps = [{ announce: 'early' }, { disconnect: 'session' }, { gate: 'closed' }];
      await client.call('run', { steps });
      await gates.reached('closed');
      const listening = await client.listen();
      await listening.until(() => listening.said.length > 0, 'the early message', 3_000);
      expect(listening.said).toEqual(['early']);
    });

    it('is opened again by the official client', async () => {
      const cluster = await newCluster({ seed: 9 });
      const official = await officialClient(cluster.proxy.origin);
      try {
        const { answers } = await official.run(
          { say: 1 },
          { disconnect: 'call' },
          { say: 2 },
          { ask: 'back?' },
          { disconnect: 'call' },
        );
        expect(answers).toHaveLength(1);
        expect(official.said).toEqual([1, 2]);
      } finally {
        await official.close();
      }
    });
  });
}
