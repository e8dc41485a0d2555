import { describe, expect, it } from 'vitest';
import { sessionRef } from '../../src/domain/session.ts';
import { times } from '../contract/fixtures.ts';
import { answerOf, type Reply, streamOf } from '../support/raw-client.ts';
import type { Message } from '../support/sse-connection.ts';
import { officialClient } from './fixture/official-client.ts';
import type { NewCluster } from './streams.suite.ts';

/** Calls of one session, each on whichever instance it meets. */
export function callsSuite(newCluster: NewCluster): void {
  describe('calls', () => {
    // Catches: a server that is not hydrated, or with other capabilities than the client has.
    it('are served by every instance, which knows the client as it introduced itself', async () => {
      const cluster = await newCluster();
      const capabilities = { elicitation: { form: {} }, sampling: {} };
      const sessions = await Promise.all(times(3, () => cluster.open({ capabilities })));
      const replies = await Promise.all(
        sessions.flatMap((session) =>
          times(12, async () => ({ session, known: textOf(await session.call('whoami')) })),
        ),
      );
      for (const { session, known } of replies) {
        expect(known).toMatchObject({ client: { name: 'raw' }, sessionId: session.sessionId });
        expect(known['capabilities']).toEqual(capabilities);
      }
      expect(new Set(replies.map(({ known }) => known['instance']))).toEqual(new Set(['a', 'b', 'c']));
    });

    // Catches: anything that only the raw client of these tests takes for right.
    it('are served to the official client', async () => {
      const cluster = await newCluster({ seed: 4 });
      const official = await officialClient(cluster.proxy.origin);
      try {
        const results = await Promise.all(times(20, () => official.run({ say: 1 })));
        expect(new Set(results.map(({ instance }) => instance))).toEqual(new Set(['a', 'b', 'c']));
      } finally {
        await official.close();
      }
    });

    // Catches: a log level that only the instance knows which took it, and one that is in force a moment too late.
    it('heed the log level that was set on another instance', async () => {
      const { a, b, c, ...cluster } = await newCluster();
      const client = await cluster.open({ at: a });
      const listening = await client.listen({ at: c });
      const announce = (what: string, level: string): Promise<Reply> =>
        client.call('run', { steps: [{ announce: what, level }] }, { at: b });
      await announce('before', 'info');
      const setLevel = { jsonrpc: '2.0', id: 1, method: 'logging/setLevel', params: { level: 'error' } };
      expect(await answerOf(await client.post(setLevel, a), 1)).toMatchObject({ id: 1, result: {} });
      await announce('too low', 'info');
      await announce('after', 'error');
      await listening.until(() => listening.said.includes('after'), 'the last message');
      expect(listening.said).toEqual(['before', 'after']);
    });

    // Catches: a stream, and its rows, for each call. (What takes 50 ms on a busy machine rightly becomes one.)
    it('that are quick are answered in plain JSON, and leave no row', { retry: 3 }, async () => {
      const cluster = await newCluster();
      const client = await cluster.open();
      const rows = () => cluster.harness.countRows(sessionRef(client.sessionId));
      const before = await rows();
      const reply = await client.call('run', { steps: [] }, { id: 'quick' });
      expect(reply).toMatchObject({ status: 200, type: 'application/json' });
      expect(reply.body).toMatchObject({ id: 'quick', result: {} });
      expect(await rows()).toBe(before);
    });

    // Catches: a client that hears nothing of a slow call, and so has nothing to resume from.
    it('that are slow become a stream, which ends with the answer', async () => {
      const { gates, ...cluster } = await newCluster();
      const client = await cluster.open();
      const stream = streamOf(await client.call('run', { steps: [{ gate: 'slow' }] }, { id: 'slow' }));
      await stream.until(() => stream.events.length === 1, 'the priming event');
      gates.open('slow');
      await stream.end();
      expect(stream.messages).toHaveLength(1);
      expect(stream.messages[0]).toMatchObject({ id: 'slow', result: {} });
    });

    it('that report progress do so on their own stream, under the client’s token', async () => {
      const cluster = await newCluster();
      const client = await cluster.open();
      const steps = [{ progress: 1 }, { progress: 2 }];
      const stream = streamOf(await client.call('run', { steps }, { id: 7, progressToken: 'mine' }));
      await stream.end();
      const progress = (of: number) => ({ params: { progressToken: 'mine', progress: of } });
      expect(stream.messages).toMatchObject([progress(1), progress(2), { id: 7 }]);
    });

    // Catches: answers of a batch on several streams, or the quick one given and the slow one lost.
    it('of one batch with a slow one among them are answered on one stream', async () => {
      const { gates, ...cluster } = await newCluster();
      const client = await cluster.open({ protocolVersion: '2025-03-26' });
      const call = (id: string, steps: object[]) => ({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'run', arguments: { steps } },
      });
      const quick = await client.post([call('1', []), call('2', [])]);
      expect(quick.type).toBe('application/json');
      expect((quick.body as Message[]).map(({ id }) => id).toSorted()).toEqual(['1', '2']);

      const stream = streamOf(await client.post([call('1', [{ gate: 'slow' }]), call('2', [{ say: 'hi' }])]));
      await stream.until(() => stream.said.length === 1, 'what the quick one says');
      gates.open('slow');
      await stream.end();
      expect(stream.messages.slice(1).map(({ id }) => id)).toEqual(['2', '1']);
    });
  });
}

export function textOf({ body }: Reply): Record<string, unknown> {
  return JSON.parse((body as Message).result.content[0].text);
}
