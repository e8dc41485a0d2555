import { describe, expect, it } from 'vitest';
import { eventually } from '../contract/fixtures.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { streamOf } from '../support/raw-client.ts';
import { changesIn, subscribe, untilTold } from './changes.suite.ts';
import { outcomeOf } from './fixture/official-client.ts';
import type { NewCluster } from './streams.suite.ts';

/** For stores that look at watched streams by themselves, where every signal is lost. */
export function noSignalsSuite(newCluster: NewCluster): void {
  describe('without any signal', () => {
    // Catches: an end that the others learn of by the signal only.
    it('a session that was ended is 404 on every instance at once, for all but calls', async () => {
      const store = new FaultyStore();
      store.isMute = true;
      const { a, b, c, ...cluster } = await newCluster({ wrap: (each) => store.wrap(each) });
      const client = await cluster.open();
      for (const at of [a, b, c]) expect(await client.ping(at)).toBe(200);
      await client.terminate(a);
      for (const at of [b, c]) expect(await client.ping(at)).toBe(404);
    });

    // Catches: a reader that is only called by signals: of a connection, of an asker, or of a running call.
    it('all arrives in the end: messages, answers, takeovers and cancellations', async () => {
      const store = new FaultyStore();
      store.isMute = true;
      const { a, b, c, gates, ...cluster } = await newCluster({ wrap: (each) => store.wrap(each) });
      const client = await cluster.open();
      const older = await client.listen({ at: b });
      const steps = [{ announce: 'one' }, { ask: '?' }, { announce: 'two' }, { gate: 'gate' }];
      const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      await older.until(() => older.said.length === 1, 'the first message');
      const newer = await client.listen({ at: c });
      await older.end();
      const { id } = await stream.request('elicitation/create');
      await client.tell({ id: String(id), result: { action: 'decline' } }, b);
      await newer.until(() => newer.said.length === 1, 'the second message');
      expect([older.said, newer.said]).toEqual([['one'], ['two']]);
      const second = streamOf(await client.call('run', { steps: [{ gate: 'other' }] }, { at: b, id: 2 }));
      await gates.reached('other');
      await client.tell({ method: 'notifications/cancelled', params: { requestId: 2 } }, c);
      await eventually(() => gates.aborted.includes('other'), 'the second call is aborted');
      await second.end();
      gates.open('gate');
      await stream.end();
      expect(outcomeOf(await stream.answer(1)).answers).toEqual([{ action: 'decline' }]);
    });

    // Catches: a change that only a signal tells of, and subscriptions as they were before a signal was lost.
    it('a change reaches clients in the end', async () => {
      const store = new FaultyStore();
      store.isMute = true;
      const { a, b, ...cluster } = await newCluster({ wrap: (each) => store.wrap(each), tellsOfAll: true });
      const client = await cluster.open();
      const stream = await client.listen({ at: b });
      await cluster.mcp('a').notify.toolsChanged();
      await untilTold(stream, 1);
      expect(await client.ping(b)).toBe(200);
      await subscribe(client, 'x:1', a);
      await cluster.mcp('a').notify.resourceUpdated('x:1');
      await untilTold(stream, 2);
      expect(changesIn(stream)).toEqual(['tools', 'x:1']);
    });
  });
}
