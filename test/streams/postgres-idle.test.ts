import pg from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { eventually, times } from '../contract/fixtures.ts';
import { postgresHarness } from '../support/postgres.ts';
import { type NewCluster, overClusters } from './streams.suite.ts';

const QUIET_MS = 3_000;

function idleSuite(newCluster: NewCluster): void {
  describe('idle GET streams', () => {
    // Catches: a look at the log, or a write of the session's expiry, that each open stream makes now and then.
    it('cost no statement of their own', async () => {
      const { origins, a, ...cluster } = await newCluster();
      const clients = await Promise.all(times(12, () => cluster.open()));
      const connections = await Promise.all(
        clients.map((client, index) => client.listen({ at: String(origins[index % 3]) })),
      );
      const announce = (text: string): Promise<unknown> =>
        Promise.all(clients.map((client) => client.call('run', { steps: [{ announce: text }] }, { at: a })));
      const allHave = (count: number): Promise<void> =>
        eventually(() => connections.every(({ said }) => said.length === count), `message ${count}`);
      await announce('one');
      await allHave(1);
      const query = vi.spyOn(pg.Client.prototype, 'query');
      try {
        const begun = Date.now();
        await eventually(() => Date.now() - begun >= QUIET_MS, 'some quiet seconds');
        const texts = query.mock.calls.map(
          ([config]) => (config as unknown as { text?: string }).text ?? config,
        );
        // However many streams: of each instance, one statement every 30 s looks at all of them.
        expect(texts.length, JSON.stringify(texts)).toBeLessThanOrEqual(origins.length);
      } finally {
        query.mockRestore();
      }
      await announce('two');
      await allHave(2);
    });
  });
}

overClusters('postgres', postgresHarness(), idleSuite);
