import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { CallerSession } from '../../src/adapters/mcp/caller-session.ts';
import { type DurableMcp, durableMcp } from '../../src/app/durable-mcp.ts';
import type { DurableMcpOptions } from '../../src/app/durable-mcp-options.ts';
import type { Limits } from '../../src/domain/limits.ts';
import type { Store } from '../../src/ports/store.ts';
import { TEST_ONLY_KEY } from '../conformance/fixture/request-state.ts';
import type { StoreHarness } from '../contract/harness.ts';
import { listenLocally } from './local-server.ts';
import { type RandomProxy, startRandomProxy } from './random-proxy.ts';
import { RawClient, type RawClientOptions } from './raw-client.ts';
import { seededRandom } from './seeded-random.ts';

/** What a cluster takes its stores from. */
type OpensStores = Pick<StoreHarness, 'open'>;

export interface ClusterOptions<Harness extends OpensStores = StoreHarness> {
  readonly harness: Harness;
  /** Makes a caller's server on the instance of this name: `a`, `b`, `c`… */
  readonly server: (instance: string, caller: CallerSession) => ReturnType<ServerFactory>;
  /** How many instances; 3 by default. */
  readonly count?: number;
  readonly seed?: number;
  readonly limits?: Partial<Limits>;
  /** What else the endpoints are made with. */
  readonly endpoint?: Partial<DurableMcpOptions>;
  /** Lets an instance misbehave: what it is given in place of its store. */
  readonly wrap?: (store: Store, instance: string) => Store;
}

type ServerFactory = Parameters<typeof durableMcp>[0]['server'];

interface Instance {
  readonly origin: string;
  readonly mcp: DurableMcp;
  close(): Promise<void>;
}

/** Several instances on one store in this process, each with a port of its own, behind a random proxy. */
export interface Cluster<Harness extends OpensStores = StoreHarness> {
  readonly harness: Harness;
  readonly proxy: RandomProxy;
  /** Of the instances `a`, `b` and so on, in order. */
  readonly origins: readonly string[];
  /** The endpoint of one instance. */
  mcp(instance: string): DurableMcp;
  /** What the store could not do, as the instances reported it. */
  readonly storeErrors: unknown[];
  /** A new session, its requests sent through the proxy unless an origin is named. */
  open(options?: RawClientOptions & { readonly at?: string }): Promise<RawClient>;
  /** @throws Error if an instance met an error that nobody foresaw */
  close(): Promise<void>;
}

export async function startCluster<Harness extends OpensStores>(
  options: ClusterOptions<Harness>,
): Promise<Cluster<Harness>> {
  const { harness, count = 3, seed = 1 } = options;
  const storeErrors: unknown[] = [];
  const bugs: unknown[] = [];
  const names = Array.from({ length: count }, (_, index) => String.fromCharCode(97 + index));
  const instances = await Promise.all(names.map((name) => startInstance(name, options, storeErrors, bugs)));
  const origins = instances.map(({ origin }) => origin);
  const proxy = await startRandomProxy({ upstreams: origins, random: seededRandom(seed) });
  return {
    harness,
    proxy,
    origins,
    storeErrors,
    mcp: (instance) => (instances[names.indexOf(instance)] as Instance).mcp,
    open: ({ at = proxy.origin, ...rest } = {}) => RawClient.open(at, rest),
    close: async () => {
      await proxy.close();
      await Promise.all(instances.map((instance) => instance.close()));
      if (bugs.length > 0) throw new AggregateError(bugs, 'an instance met an error that nobody foresaw');
    },
  };
}

async function startInstance(
  name: string,
  { harness, server, limits = {}, endpoint = {}, wrap = (store) => store }: ClusterOptions<OpensStores>,
  storeErrors: unknown[],
  bugs: unknown[],
): Promise<Instance> {
  const store = await harness.open();
  const mcp = durableMcp({
    store: wrap(store, name),
    server: (caller) => server(name, caller),
    limits,
    requestStateKeys: [TEST_ONLY_KEY],
    ...endpoint,
    onStoreError: (error) => storeErrors.push(error),
    onBug: (error) => bugs.push(error),
  });
  const http = createAdaptorServer({ fetch: (request, env) => mcp.fetch(request, env as never) }) as Server;
  return {
    origin: await listenLocally(http),
    mcp,
    close: async () => {
      http.close();
      http.closeAllConnections();
      await mcp.close({ finishMs: 0 });
      await store.close();
    },
  };
}
