import { describe, expect, it } from 'vitest';
import { eventually, times } from '../contract/fixtures.ts';
import { officialClient } from './fixture/official-client.ts';
import type { NewCluster } from './streams.suite.ts';

/** Connections that a network cuts, as clients see it that come back. */
export function reconnectionSuite(newCluster: NewCluster): void {
  describe('reconnection', () => {
    // Catches: a GET stream whose connection broke, and with it what came before the next one.
    it('of the GET stream gives what was missed, and goes on', async () => {
      const { a, b, c, proxy, ...cluster } = await newCluster();
      const client = await cluster.open();
      const announce = (text: string): Promise<unknown> =>
        client.call('run', { steps: [{ announce: text }] }, { at: c });
      const first = await client.listen({ at: proxy.origin });
      await announce('one');
      await first.until(() => first.said.length === 1, 'the first message');
      proxy.cut();
      await eventually(() => first.outcome === 'broken', 'the cut');
      await announce('two');
      await announce('three');
      const second = await client.listen({ at: b, lastEventId: String(first.lastEventId) });
      await second.until(() => second.said.length === 2, 'what was missed');
      await announce('four');
      await second.until(() => second.said.length === 3, 'what is new');
      second.close();
      await announce('five');
      const third = await client.listen({ at: a, lastEventId: String(second.lastEventId) });
      await third.until(() => third.said.length === 1, 'what was missed again');
      expect([first, second, third].map(({ said }) => said)).toEqual([
        ['one'],
        ['two', 'three', 'four'],
        ['five'],
      ]);
    });

    // Catches: what the official client does on a broken stream that the tests' own does not.
    it('by the official client, whose connections are cut again and again, loses nothing', async () => {
      const { gates, proxy, ...cluster } = await newCluster({ seed: 5 });
      const official = await officialClient(proxy.origin);
      try {
        const steps = times(3, (round) => [{ say: `${round}` }, { gate: `${round}` }, { ask: `q${round}` }]);
        const call = official.run(...steps.flat());
        for (const round of times(3, (each) => each)) {
          await gates.reached(`${round}`);
          await eventually(() => official.said.length === round + 1, `message ${round}`);
          proxy.cut();
          gates.open(`${round}`);
        }
        expect((await call).answers).toHaveLength(3);
        expect(official.said).toEqual(['0', '1', '2']);
      } finally {
        await official.close();
      }
      expect(cluster.storeErrors).toEqual([]);
    }, 60_000);

    // Catches: a GET connection of the official client that is not resumed where it broke.
    it('of the GET stream by the official client neither loses nor doubles anything', async () => {
      const { proxy, ...cluster } = await newCluster({ seed: 6 });
      const official = await officialClient(proxy.origin);
      const requests = (): number => [...proxy.handled.values()].reduce((sum, each) => sum + each, 0);
      try {
        for (const index of times(9, (each) => each)) {
          await official.run({ announce: index });
          if (index % 3 !== 2) continue;
          await eventually(() => official.said.includes(index), `message ${index}`);
          const before = requests();
          proxy.cut();
          await eventually(() => requests() > before, 'the client is back');
        }
        await official.run({ announce: 'end' });
        await eventually(() => official.said.includes('end'), 'the last message');
        expect(official.said).toEqual([...times(9, (each) => each), 'end']);
      } finally {
        await official.close();
      }
      expect(cluster.storeErrors).toEqual([]);
    });
  });
}
