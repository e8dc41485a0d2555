import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import type { HarnessFactory, StoreHarness } from '../contract/harness.ts';
import { Gates } from '../streams/fixture/gates.ts';
import { startCluster } from '../support/cluster.ts';
import { connectModern, type ModernClient } from '../support/v2-client.ts';
import { bothErasServer, type Deeds } from './both-eras-server.ts';
import { changesSuite } from './changes.suite.ts';
import type { ErasCluster, NewErasCluster } from './eras-cluster.ts';
import { handlesSuite } from './handles.suite.ts';
import { idempotencySuite } from './idempotency.suite.ts';
import { requestStateSuite } from './request-state.suite.ts';

/** What clients of both eras see of several instances on one store, whatever the store. */
export function erasSuite(name: string, makeHarness: HarnessFactory): void {
  overEras(name, makeHarness, handlesSuite, requestStateSuite, idempotencySuite, changesSuite);
}

/** Runs `suites` over clusters on one store. */
export function overEras(
  name: string,
  makeHarness: HarnessFactory,
  ...suites: readonly ((newCluster: NewErasCluster) => void)[]
): void {
  describe(`both eras on ${name}`, () => {
    let harness: StoreHarness;
    const running: ErasCluster[] = [];
    const clients: ModernClient[] = [];

    const newCluster: NewErasCluster = async (options) => {
      const gates = new Gates();
      const deeds: Deeds = { charges: [], orders: [] };
      const cluster = await startCluster({
        harness,
        server: (instance, session) => bothErasServer(instance, session, { gates, deeds }),
        ...options,
      });
      const [a = '', b = '', c = ''] = cluster.origins;
      const connect: ErasCluster['connect'] = async ({ at = cluster.proxy.origin, ...rest } = {}) => {
        const client = await connectModern(`${at}/mcp`, rest);
        clients.push(client);
        return client;
      };
      const started = { ...cluster, gates, deeds, a, b, c, connect };
      running.push(started);
      return started;
    };

    beforeAll(async () => {
      harness = await makeHarness();
    });
    afterEach(async () => {
      await Promise.all(clients.splice(0).map((client) => client.close()));
      for (const { gates, close } of running.splice(0)) {
        gates.openAll();
        await close();
      }
    });
    afterAll(() => harness?.close());

    for (const suite of suites) suite(newCluster);
  });
}
