import { describe, expect, it } from 'vitest';
import { streamOf } from '../support/raw-client.ts';
import type { SseConnection } from '../support/sse-connection.ts';
import { outcomeOf } from './fixture/official-client.ts';
import type { NewCluster } from './streams.suite.ts';

const accepted = { action: 'accept', content: { answer: 'x' } };

/** Requests to the client that it takes its time to answer. */
export function waitingSuite(newCluster: NewCluster): void {
  describe('requests to the client', () => {
    // Catches: a cancellation under the SDK's own id, which its client never saw.
    it.each(['call', 'session'])(
      'that time out are cancelled under the id the client saw, on the %s’s stream',
      async (on) => {
        const { a, b, ...cluster } = await newCluster();
        const client = await cluster.open();
        const listening = await client.listen({ at: b });
        const steps = [{ ask: 'in time?', on, timeoutMs: 300 }];
        const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
        const asked: SseConnection = on === 'call' ? stream : listening;
        const { id } = await asked.request('elicitation/create');
        const cancelled = await asked.request('notifications/cancelled');
        expect(cancelled.params.requestId).toBe(id);
        expect(JSON.stringify(outcomeOf(await stream.answer(1)).answers)).toContain('timed out');
        // An answer that comes too late is taken, and dropped.
        await client.tell({ id: String(id), result: accepted }, b);
      },
    );

    // Catches: progress that goes to the wrong asker, or that only the instance hears which it is posted to.
    it('are told of the client’s progress, wherever that is posted', async () => {
      const { a, b, c, ...cluster } = await newCluster();
      const client = await cluster.open();
      const ask = async (id: number, at: string) => {
        const stream = streamOf(await client.call('run', { steps: [{ ask: `${id}` }] }, { at, id }));
        return { stream, request: await stream.request('elicitation/create') };
      };
      const [one, two] = [await ask(1, a), await ask(2, c)];
      const tell = async ({ request }: typeof one, progress: number, at: string): Promise<void> => {
        const { progressToken } = request.params._meta;
        await client.tell({ method: 'notifications/progress', params: { progressToken, progress } }, at);
      };
      await tell(one, 1, b);
      await tell(two, 10, b);
      await tell(one, 2, b);
      for (const { request } of [one, two]) {
        await client.tell({ id: String(request.id), result: accepted }, b);
      }
      expect(outcomeOf(await one.stream.answer(1)).answers).toEqual([{ ...accepted, heard: [1, 2] }]);
      expect(outcomeOf(await two.stream.answer(2)).answers).toEqual([{ ...accepted, heard: [10] }]);
    });
  });
}
