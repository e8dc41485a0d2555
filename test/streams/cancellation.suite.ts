import { describe, expect, it } from 'vitest';
import { eventually } from '../contract/fixtures.ts';
import { answerOf, type RawClient, streamOf } from '../support/raw-client.ts';
import type { SseConnection } from '../support/sse-connection.ts';
import { officialClient, outcomeOf } from './fixture/official-client.ts';
import type { NewCluster } from './streams.suite.ts';

/** Calls that their client cancels on whichever instance, and those that it only loses. */
export function cancellationSuite(newCluster: NewCluster): void {
  const waiting = async (client: RawClient, gate: string, at: string, id: string): Promise<SseConnection> =>
    streamOf(await client.call('run', { steps: [{ say: 'begun' }, { gate }] }, { at, id }));
  const cancel = (client: RawClient, requestId: string, at: string): Promise<void> =>
    client.tell({ method: 'notifications/cancelled', params: { requestId, reason: 'enough' } }, at);

  describe('a cancellation', () => {
    // Catches: one that only the instance heeds which it is posted to, and a stream that then never ends.
    it.each(['a', 'b'] as const)('posted to %s aborts the call on a, and ends its stream', async (where) => {
      const { gates, ...cluster } = await newCluster();
      const client = await cluster.open();
      const stream = await waiting(client, 'gate', cluster.a, 'x');
      await gates.reached('gate');
      await cancel(client, 'x', cluster[where]);
      await stream.end();
      expect(gates.aborted).toEqual(['gate']);
    });

    // Catches: a call that is taken to have begun when it reached its server, long after it was posted.
    it('is heeded by a call whose instance was slow to take it in', async () => {
      let arrived = (): void => {};
      const isThere = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      let letIn = (): void => {};
      const isLetIn = new Promise<void>((resolve) => {
        letIn = resolve;
      });
      const { gates, a, b, ...cluster } = await newCluster({
        wrap: (store, instance) => {
          if (instance !== 'a') return store;
          const find: typeof store.sessions.find = async (ref, now) => {
            const found = await store.sessions.find(ref, now);
            arrived();
            await isLetIn;
            return found;
          };
          const slow = new Proxy(store.sessions, {
            get: (sessions, name) => {
              const member: unknown = Reflect.get(sessions, name);
              if (name === 'find') return find;
              return typeof member === 'function' ? member.bind(sessions) : member;
            },
          });
          return { ...store, sessions: slow };
        },
      });
      const client = await cluster.open({ at: b });
      const call = client.call('run', { steps: [{ gate: 'slow' }] }, { at: a, id: 'x' });
      await isThere;
      await cancel(client, 'x', b);
      const postedAt = Date.now();
      await eventually(() => Date.now() > postedAt + 500, 'later than clocks may differ');
      letIn();
      expect(await answerOf(await call, 'x')).toMatchObject({ error: { code: -32_800 } });
      expect(gates.aborted).toEqual(['slow']);
    });

    // Catches: one that ends every call of its session, or that number's call in another session.
    it('leaves alone what it does not name', async () => {
      const { gates, a, b, ...cluster } = await newCluster();
      const [client, stranger] = [await cluster.open(), await cluster.open()];
      const stream = await waiting(client, 'named', a, 'x');
      const beside = await waiting(client, 'beside', a, 'y');
      const elsewhere = await waiting(stranger, 'elsewhere', a, 'x');
      for (const gate of ['named', 'beside', 'elsewhere']) await gates.reached(gate);
      for (const at of [a, b]) {
        await cancel(client, 'z', at);
        await cancel(stranger, 'y', at);
      }
      // It is heeded after those before it.
      await cancel(stranger, 'x', b);
      await elsewhere.end();
      await cancel(client, 'x', b);
      await stream.end();
      expect(gates.aborted).toEqual(['elsewhere', 'named']);
      gates.open('beside');
      await beside.end();
      expect(outcomeOf(await beside.answer('y')).instance).toBe('a');
    });

    // Catches: a cancellation of the log that also ends a later call with the same id.
    it('does not end a later call of the same id', async () => {
      const { gates, a, b, ...cluster } = await newCluster();
      const client = await cluster.open();
      const first = await waiting(client, 'first', a, 'x');
      await gates.reached('first');
      await cancel(client, 'x', b);
      await first.end();
      // For as long as two instances' clocks may differ, it could be meant for the later one.
      const cancelled = Date.now();
      await eventually(() => Date.now() > cancelled + 2_100, 'the clocks’ difference has passed');
      const second = await waiting(client, 'second', a, 'x');
      await gates.reached('second');
      await client.call('run', { steps: [{ announce: 'meanwhile' }] }, { at: b });
      gates.open('second');
      await second.end();
      expect(outcomeOf(await second.answer('x')).instance).toBe('a');
    });

    it('by the official client reaches the call through the proxy', async () => {
      const { gates, ...cluster } = await newCluster({ seed: 3 });
      const official = await officialClient(cluster.proxy.origin);
      try {
        for (let round = 0; round < 4; round += 1) {
          const leave = new AbortController();
          const call = official.client.callTool(
            { name: 'run', arguments: { steps: [{ gate: `${round}` }] } },
            undefined,
            { signal: leave.signal },
          );
          const refused = expect(call).rejects.toThrow();
          await gates.reached(`${round}`);
          leave.abort('enough');
          await refused;
          await eventually(() => gates.aborted.length === round + 1, `call ${round} is aborted`);
        }
      } finally {
        await official.close();
      }
    });
  });

  describe('a lost connection', () => {
    // Catches: a disconnect that is taken for a cancellation (2025-11-25, Sending Messages to the Server, 6).
    it('does not end its call, whose result is there to be had', async () => {
      const { gates, a, b, ...cluster } = await newCluster();
      const client = await cluster.open();
      const stream = await waiting(client, 'gate', a, 'x');
      await stream.until(() => stream.said.length === 1, 'the first message');
      stream.close();
      await eventually(() => stream.outcome !== undefined, 'the client is gone');
      gates.open('gate');
      const resumed = await client.listen({ at: b, lastEventId: String(stream.lastEventId) });
      await resumed.end();
      expect(gates.aborted).toEqual([]);
      expect(outcomeOf(await resumed.answer('x')).instance).toBe('a');
    });

    // Catches: a call that ends with its connection where nothing was sent on it yet.
    it('before anything was said does not end its call either', async () => {
      const { gates, a, ...cluster } = await newCluster();
      const client = await cluster.open();
      const leave = new AbortController();
      const steps = [{ gate: 'one' }, { announce: 'done' }];
      const listening = await client.listen();
      const body = {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'run', arguments: { steps } },
      };
      const call = client.post(body, a, leave).catch(() => {});
      await gates.reached('one');
      leave.abort();
      await call;
      gates.open('one');
      await listening.until(() => listening.said.length === 1, 'the call goes on');
      expect(gates.aborted).toEqual([]);
    });
  });
}
