import { describe, expect, it } from 'vitest';
import { eventually } from '../contract/fixtures.ts';
import { streamOf } from '../support/raw-client.ts';
import { announcing, faultyCluster } from './faults.suite.ts';
import { outcomeOf } from './fixture/official-client.ts';
import type { NewCluster } from './streams.suite.ts';

/** Stores that are not there for a while. */
export function outagesSuite(newCluster: NewCluster): void {
  describe('an outage of the store', () => {
    // Catches: a message or a result that is dropped after so many attempts.
    it('during a call delays what it says and its result, and loses nothing', async () => {
      const { a, b, store, gates, ...cluster } = await faultyCluster(newCluster);
      const client = await cluster.open();
      const listening = await client.listen({ at: b });
      const steps = [{ say: 'one' }, { gate: 'on' }, { say: 'two' }, { announce: 'aside' }, { say: 'three' }];
      const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      await stream.until(() => stream.said.length === 1, 'the first message');
      store.fate = () => 'refused';
      gates.open('on');
      await eventually(() => store.failures >= 4, 'some attempts');
      expect(stream.said).toEqual(['one']);
      store.fate = () => 'made';
      await stream.end();
      expect(stream.said).toEqual(['one', 'two', 'three']);
      expect(outcomeOf(await stream.answer(1)).instance).toBe('a');
      await listening.until(() => listening.said.length > 0, 'the session’s message');
      expect(listening.said).toEqual(['aside']);
    });

    // Catches: a quick call whose result is lost because its stream could not be begun.
    it('when a call becomes a stream delays it', async () => {
      const { a, store, gates, ...cluster } = await faultyCluster(newCluster);
      const client = await cluster.open();
      await client.call('whoami', {}, { at: a });
      store.fate = () => 'refused';
      const call = client.call('run', { steps: [{ say: 'one' }] }, { at: a, id: 1 });
      await eventually(() => store.failures >= 3, 'some attempts');
      store.fate = () => 'made';
      const stream = streamOf(await call);
      await stream.end();
      expect(stream.said).toEqual(['one']);
      expect(stream.messages.at(-1)).toMatchObject({ id: 1, result: {} });
    });

    // Catches: 503 and Retry-After for a call whose tool runs: its client calls again, and the tool runs twice.
    it.each([
      ['says nothing', []],
      ['then notifies', [{ say: 'one' }]],
      ['then asks', [{ ask: 'one' }]],
    ])('that does not pass leaves a call that %s its plain answer', async (_, rest) => {
      const { a, store, gates, ...cluster } = await faultyCluster(newCluster);
      const client = await cluster.open();
      await client.call('whoami', {}, { at: a });
      store.fate = ({ stream }) => (stream.startsWith('call-') ? 'without a table' : 'made');
      const call = client.call('run', { steps: [{ gate: 'on' }, ...rest] }, { at: a, id: 1 });
      await eventually(() => cluster.storeErrors.length > 0, 'an attempt to become a stream');
      gates.open('on');
      expect(await call).toMatchObject({ status: 200, body: { id: 1, result: {} } });
    });

    // Catches: a connection that ends, or goes on after a hole, when its stream cannot be read.
    it('where a client listens delays what it is given', async () => {
      const { a, b, store, ...cluster } = await faultyCluster(newCluster);
      const client = await cluster.open();
      const listening = await client.listen({ at: a });
      await client.call('run', announcing('one'), { at: b });
      await listening.until(() => listening.said.length === 1, 'the first message');
      store.isBlind = true;
      await client.call('run', announcing('two', 'three'), { at: b });
      await eventually(() => store.failures > 0, 'an attempt');
      store.isBlind = false;
      await client.call('run', announcing('four'), { at: b });
      await listening.until(() => listening.said.length >= 4, 'all messages');
      expect(listening.said).toEqual(['one', 'two', 'three', 'four']);
    });
  });
}
