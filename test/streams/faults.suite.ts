import { describe, expect, it } from 'vitest';
import { times } from '../contract/fixtures.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { streamOf } from '../support/raw-client.ts';
import { outcomeOf } from './fixture/official-client.ts';
import type { Step } from './fixture/script-server.ts';
import type { NewCluster, ScriptCluster } from './streams.suite.ts';

const accepted = { action: 'accept', content: { answer: 'yes' } };

export const announcing = (...texts: string[]): { steps: Step[] } => ({
  steps: texts.map((announce) => ({ announce })),
});

/** A cluster whose instance `a` has a faulty store. */
export async function faultyCluster(
  newCluster: NewCluster,
  options: Parameters<NewCluster>[0] = {},
): Promise<ScriptCluster & { readonly store: FaultyStore }> {
  const store = new FaultyStore();
  const cluster = await newCluster({
    ...options,
    wrap: (each, name) => (name === 'a' ? store.wrap(each) : each),
  });
  return { ...cluster, store };
}

/** Stores that lose signals, or that say that they failed when they did not. */
export function faultsSuite(newCluster: NewCluster): void {
  describe('a lost signal', () => {
    // Catches: a reader that trusts a signal for what is new instead of the log, and one that takes what its own
    // instance appends without asking what came before.
    it.each(['a', 'b'] as const)('only delays, until %s says something more', async (next) => {
      const { a, b, store, ...cluster } = await faultyCluster(newCluster);
      const client = await cluster.open();
      const listening = await client.listen({ at: b });
      await listening.until(() => listening.events.length === 1, 'the stream is open');
      store.isMute = true;
      await client.result('run', announcing('one', 'two'), { at: a });
      store.isMute = false;
      await client.result('run', announcing('three'), { at: { a, b }[next] });
      await listening.until(() => listening.said.length >= 3, 'all messages');
      expect(listening.said).toEqual(['one', 'two', 'three']);
    });
  });

  describe('an append that was made, and seemed to have failed', () => {
    // Catches: a message that is given twice because it was appended twice, or an end that nobody is told of.
    it.each([
      ['the stream’s begin', 0],
      ['the first message', 1],
      ['the second message', 2],
      ['the answer', 3],
    ])('of %s is given once', async (_, nth) => {
      const { a, store, gates, ...cluster } = await faultyCluster(newCluster);
      const client = await cluster.open();
      let appends = 0;
      store.fate = ({ stream }) => {
        if (!stream.startsWith('call-')) return 'made';
        appends += 1;
        return appends - 1 === nth ? 'made and lost' : 'made';
      };
      const steps = [{ say: 'one' }, { say: 'two' }];
      const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      await stream.end(5_000);
      expect(store.failures).toBe(1);
      expect(stream.said).toEqual(['one', 'two']);
      expect(stream.messages).toHaveLength(3);
      expect(outcomeOf(await stream.answer(1)).instance).toBe('a');
    });

    // Catches: as above, for a reader on another instance, and one that comes later, at any place of the stream.
    it('of every message is given once to whoever reads', async () => {
      const { a, b, c, store, ...cluster } = await faultyCluster(newCluster);
      const client = await cluster.open();
      let appends = 0;
      store.fate = ({ stream }) => {
        if (stream === 'inbound') return 'made';
        appends += 1;
        return appends % 2 === 1 ? 'made and lost' : 'made';
      };
      const listening = await client.listen({ at: b });
      const steps = times(6, (index) => [{ say: index }, { announce: `${index}` }]).flat();
      const stream = streamOf(
        await client.call('run', { steps: [...steps, { gate: 'x' }] }, { at: a, id: 1 }),
      );
      cluster.gates.open('x');
      await listening.until(() => listening.said.length >= 6, 'the session’s messages');
      await stream.until(() => stream.said.length >= 6, 'the call’s messages');
      expect(listening.said).toEqual(times(6, (index) => `${index}`));
      expect(stream.said).toEqual(times(6, (index) => index));
      for (const [index, { id }] of stream.events.entries()) {
        if (stream.events[index]?.data === undefined) continue;
        const again = await client.listen({ at: c, lastEventId: String(id) });
        const rest = stream.said.slice(stream.events.slice(0, index + 1).filter(({ data }) => data).length);
        await again.until(() => again.said.length >= rest.length, 'the rest');
        expect(again.said).toEqual(rest);
        again.close();
      }
    });

    // Catches: an answer that its handler is given twice, or not at all.
    it('of a client’s answer is refused, and taken when it is posted again', async () => {
      const { a, b, store, ...cluster } = await faultyCluster(newCluster);
      const client = await cluster.open();
      const steps = [{ ask: 'one' }, { ask: 'two' }];
      const stream = streamOf(await client.call('run', { steps }, { at: b, id: 1 }));
      for (const nth of [0, 1]) {
        const { id } = await stream.request('elicitation/create', nth);
        const answer = { jsonrpc: '2.0', id, result: accepted };
        store.fate = () => 'made and lost';
        expect((await client.post(answer, a)).status).toBe(503);
        store.fate = () => 'made';
        await client.tell(answer as never, a);
      }
      expect(outcomeOf(await stream.answer(1)).answers).toEqual([accepted, accepted]);
    });
  });
}
