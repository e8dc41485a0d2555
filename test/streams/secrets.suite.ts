import { describe, expect, it } from 'vitest';
import { streamOf } from '../support/raw-client.ts';
import { outcomeOf } from './fixture/official-client.ts';
import type { NewCluster } from './streams.suite.ts';

/** What the store must not learn. */
export function secretsSuite(newCluster: NewCluster): void {
  describe('the session id', () => {
    // Catches: a stolen dump that opens sessions, and messages that come out of the log changed.
    it('is nowhere in the store, though messages carry it, and is in them again when they are given', async () => {
      const { a, b, c, harness, ...cluster } = await newCluster();
      const client = await cluster.open();
      const id = client.sessionId;
      const content = { answer: `${id} and ${id}`, [id]: 'a key' };
      const steps = [{ say: `marker ${id}` }, { announce: { [id]: [id] } }, { ask: `is it ${id}?` }];
      const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      const asked = await stream.request('elicitation/create');
      expect(asked.params.message).toBe(`is it ${id}?`);
      await client.tell({ id: String(asked.id), result: { action: 'accept', content } }, b);
      await stream.end();
      expect(outcomeOf(await stream.answer(1)).answers).toEqual([{ action: 'accept', content }]);

      const dump = await harness.dump();
      expect(dump).toContain('marker');
      expect(dump.includes(id)).toBe(false);

      const replayed = await client.listen({ at: c, lastEventId: String(stream.events[0]?.id) });
      await replayed.end();
      expect(replayed.messages).toEqual(stream.messages);
      const listening = await client.listen({ at: c });
      await listening.until(() => listening.said.length === 1, 'the session’s message');
      expect(listening.said).toEqual([{ [id]: [id] }]);
    });

    // Catches: a result, an answer or a message that carries the id of another open session into the store.
    it('of another session is nowhere in the store either, and is in the result, wherever that is resumed', async () => {
      const { a, b, c, harness, ...cluster } = await newCluster();
      const client = await cluster.open();
      const ids = [client.sessionId, (await cluster.open()).sessionId, (await cluster.open()).sessionId];
      const text = JSON.stringify({ session_ids: ids });
      const steps = [{ say: { other: text } }, { announce: ids }, { ask: `marker of others:\n${ids[1]}` }];
      const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      const asked = await stream.request('elicitation/create');
      const content = { answer: text };
      await client.tell({ id: String(asked.id), result: { action: 'accept', content } }, b);
      await stream.end();
      expect(outcomeOf(await stream.answer(1)).answers).toEqual([{ action: 'accept', content }]);

      const dump = await harness.dump();
      expect(dump).toContain('marker of others');
      for (const id of ids) expect(dump.includes(id)).toBe(false);

      const resumed = await client.listen({ at: c, lastEventId: String(stream.events[0]?.id) });
      await resumed.end();
      expect(resumed.messages).toEqual(stream.messages);
      const listening = await client.listen({ at: b });
      await listening.until(() => listening.said.length === 1, 'the session’s message');
      expect(listening.said).toEqual([ids]);
    });
  });
}
