import { describe, expect, it } from 'vitest';
import { type SessionRef, sessionRef } from '../../src/domain/session.ts';
import { INBOUND_STREAM, STANDALONE_STREAM } from '../../src/domain/stream-name.ts';
import { streamOf } from '../support/raw-client.ts';
import { changesIn, untilTold } from './changes.suite.ts';
import { announcing } from './faults.suite.ts';
import { outcomeOf } from './fixture/official-client.ts';
import type { NewCluster } from './streams.suite.ts';

const WARNING =
  /^Messages may have been lost: this session’s stream was set back to event \d+, as its store was\.$/;

/** Stores that were restored to an earlier time, or taken over by a replica, while instances live through it. */
export function setBackSuite(newCluster: NewCluster): void {
  describe('a store that was set back', () => {
    // Catches: a message that was acknowledged since, and that its client never has, nor a word of it.
    it.each(['a', 'b'] as const)('is told on a GET stream, which goes on, on %s', async (at) => {
      const cluster = await newCluster();
      const client = await cluster.open();
      const listening = await client.listen({ at: cluster[at] });
      // One by one: so no instance has read further than its looks at the stream have found.
      for (const text of ['one', 'two', 'three']) {
        await client.result('run', announcing(text), { at: cluster.a });
        await listening.until(() => listening.said.includes(text), text);
      }
      await cluster.harness.setBack(sessionRef(client.sessionId), STANDALONE_STREAM, 2);
      await client.result('run', announcing('four'), { at: cluster.a });
      await listening.until(() => listening.said.includes('four'), 'what was said since');
      const [warning, ...said] = listening.said.slice(3);
      expect(warning).toMatch(WARNING);
      expect(said).toEqual(['four']);
      // And a client that comes back is where that connection was.
      await client.result('run', announcing('five'), { at: cluster.a });
      await listening.until(() => listening.said.includes('five'), 'what was said last');
      const again = await client.listen({ at: cluster.c, lastEventId: String(listening.lastEventId) });
      await client.result('run', announcing('six'), { at: cluster.a });
      await again.until(() => again.said.length > 0, 'what was said after that');
      expect(again.said).toEqual(['six']);
    });

    // Catches: an answer of the client that its asker never has.
    it('gives calls their answers', async () => {
      const { a, b, ...cluster } = await newCluster();
      const client = await cluster.open();
      const steps = [{ ask: 'one' }, { ask: 'two' }, { ask: 'three' }];
      const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      const answer = async (nth: number): Promise<void> => {
        const { id } = await stream.request('elicitation/create', nth);
        await client.tell({ id: String(id), result: { action: 'decline' } }, b);
      };
      await answer(0);
      await answer(1);
      await stream.request('elicitation/create', 2);
      await cluster.harness.setBack(sessionRef(client.sessionId), INBOUND_STREAM, 0);
      await cluster.harness.setBack(
        sessionRef(client.sessionId),
        String(stream.lastEventId).split('.')[0] as string,
        2,
      );
      await answer(2);
      expect(outcomeOf(await stream.answer(1)).answers).toHaveLength(3);
    });

    // Catches: changes that are taken for those of the same numbers before, which were told, or came before the client.
    it('tells of changes', async () => {
      const { b, ...cluster } = await newCluster({ tellsOfAll: true });
      const client = await cluster.open();
      const notify = cluster.mcp('a').notify;
      for (const _ of [1, 2]) await notify.toolsChanged();
      const stream = await client.listen({ at: b });
      for (const nth of [1, 2, 3]) {
        await notify.toolsChanged();
        await untilTold(stream, nth);
      }
      await cluster.harness.setBack('shared' as SessionRef, 'changes', 1);
      await cluster.harness.setBack(sessionRef(client.sessionId), STANDALONE_STREAM, 1);
      await notify.promptsChanged();
      await stream.until(() => changesIn(stream).slice(3).includes('prompts'), 'the change');
      // All may have changed.
      await untilTold(stream, 7);
      expect(changesIn(stream).slice(3, 7).sort()).toEqual(['prompts', 'prompts', 'resources', 'tools']);
      await notify.toolsChanged();
      await untilTold(stream, 8);
      expect(changesIn(stream).at(-1)).toBe('tools');
    });
  });
}
