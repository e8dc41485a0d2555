import { describe, expect, it } from 'vitest';
import { times } from '../contract/fixtures.ts';
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

    // Catches: a stop that ends what an earlier revision's client would not come back for.
    it('at a stop, of a client of 2025-06-18, stays open until the answer', async () => {
      const { gates, a, ...cluster } = await newCluster();
      const client = await cluster.open({ protocolVersion: '2025-06-18' });
      const steps = [{ say: 'one' }, { gate: 'on' }, { say: 'two' }];
      const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      await stream.until(() => stream.said.length === 1, 'the first message');
      cluster.mcp('a').endStreams();
      gates.open('on');
      await stream.end();
      expect(stream.said).toEqual(['one', 'two']);
      expect(stream.answers).toMatchObject([{ id: 1, result: {} }]);
    });

    // Catches: a connection that is ended before it gave an id, since its client brought one: the official client
    // forgets that, and comes back for another stream.
    it('at a stop, that is being resumed, ends with an id to come back with', async () => {
      const { gates, a, b, c, ...cluster } = await newCluster();
      const client = await cluster.open();
      const steps = [{ gate: 'on' }, { say: 'late' }];
      const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      await stream.until(() => stream.events.length > 0, 'the first event');
      const resuming = times(10, () => client.get({ at: b, lastEventId: stream.firstEventId }));
      cluster.mcp('b').endStreams();
      const resumed = (await Promise.all(resuming)).flatMap(({ stream: each }) => each ?? []);
      for (const each of resumed) {
        await each.end();
        expect(each.lastEventId).toMatch(/^call-/);
      }
      gates.open('on');
      const rest = await client.listen({
        at: c,
        lastEventId: resumed.at(-1)?.lastEventId ?? stream.firstEventId,
      });
      await rest.end();
      expect(rest.said).toEqual(['late']);
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
