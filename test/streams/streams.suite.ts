import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import type { HarnessFactory, StoreHarness } from '../contract/harness.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../support/cluster.ts';
import { callsSuite } from './calls.suite.ts';
import { cancellationSuite } from './cancellation.suite.ts';
import { changesSuite } from './changes.suite.ts';
import { eventIdsSuite } from './event-ids.suite.ts';
import { faultsSuite } from './faults.suite.ts';
import { Gates } from './fixture/gates.ts';
import { type ScriptServerOptions, scriptServer } from './fixture/script-server.ts';
import { inboundSuite } from './inbound.suite.ts';
import { listeningSuite } from './listening.suite.ts';
import { lostEventsSuite } from './lost-events.suite.ts';
import { outagesSuite } from './outages.suite.ts';
import { pollingSuite } from './polling.suite.ts';
import { reconnectionSuite } from './reconnection.suite.ts';
import { resumptionSuite } from './resumption.suite.ts';
import { secretsSuite } from './secrets.suite.ts';
import { serverRequestsSuite } from './server-requests.suite.ts';
import { waitingSuite } from './waiting.suite.ts';

/** A cluster of script servers, with the gates at which their calls wait. Ends with the test. */
export interface ScriptCluster extends Cluster {
  readonly gates: Gates;
  readonly a: string;
  readonly b: string;
  readonly c: string;
}

export type NewCluster = (
  options?: Partial<ClusterOptions> & Pick<ScriptServerOptions, 'asksForRoots' | 'tellsOfAll'>,
) => Promise<ScriptCluster>;

/** What clients see of sessions that several instances serve, whatever the store. */
export function streamsSuite(name: string, makeHarness: HarnessFactory): void {
  overClusters(
    name,
    makeHarness,
    callsSuite,
    listeningSuite,
    serverRequestsSuite,
    inboundSuite,
    cancellationSuite,
    waitingSuite,
    resumptionSuite,
    reconnectionSuite,
    eventIdsSuite,
    lostEventsSuite,
    pollingSuite,
    faultsSuite,
    outagesSuite,
    changesSuite,
    secretsSuite,
  );
}

/** Runs `suites` over clusters on one store. */
export function overClusters(
  name: string,
  makeHarness: HarnessFactory,
  ...suites: readonly ((newCluster: NewCluster) => void)[]
): void {
  describe(`instances on ${name}`, () => {
    let harness: StoreHarness;
    const running: ScriptCluster[] = [];

    const newCluster: NewCluster = async ({ asksForRoots = false, tellsOfAll = false, ...options } = {}) => {
      const gates = new Gates();
      const cluster = await startCluster({
        harness,
        server: (instance, session) => scriptServer({ instance, session, gates, asksForRoots, tellsOfAll }),
        ...options,
      });
      const [a = '', b = '', c = ''] = cluster.origins;
      const started = { ...cluster, gates, a, b, c };
      running.push(started);
      return started;
    };

    beforeAll(async () => {
      harness = await makeHarness();
    });
    afterEach(async () => {
      for (const { gates, close } of running.splice(0)) {
        gates.openAll();
        await close();
      }
    });
    afterAll(() => harness?.close());

    for (const suite of suites) suite(newCluster);
  });
}
