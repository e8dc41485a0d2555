import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIFETIME } from '../../src/app/defaults.ts';
import { DEFAULT_LIMITS } from '../../src/domain/limits.ts';
import { fixtureServer } from '../conformance/fixture-server.ts';
import { eventually, times } from '../contract/fixtures.ts';
import type { StoreHarness } from '../contract/harness.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { type RawClient, streamOf } from '../support/raw-client.ts';
import { initializeMessage, post } from '../support/service.ts';
import { Load } from './load.ts';
import { callOutcome } from './outcome.ts';

/** How long each outage lasts, in ms. With 15,000, a store that hangs is also given up: see CONTRIBUTING.md. */
export const OUTAGE_MS = Number(process.env['OUTAGE_MS'] ?? 1_500);
/** All that is lost comes back within it: the longest pause between two attempts to listen is 7.5 s. */
const RECOVERY_MS = 15_000;
/** Also on a machine that is busy with other tests. */
const TEST_MS = 60_000 + 2 * OUTAGE_MS;
const CLIENTS = 3;
/** How far a call counts meanwhile. */
const NUMBERS = 6;

export interface Outage {
  readonly name: string;
  begin(): void | Promise<void>;
  end(): void | Promise<void>;
  /** What callers notice: an answer that says so, or one that is late. */
  readonly seen: 'errors' | 'delay';
}

type Harness = Pick<StoreHarness, 'open' | 'close'>;
type OutageCluster = Cluster<Harness>;

export interface OutageLab {
  /** A and B are opened in this order. */
  readonly harness: Harness;
  readonly outages: readonly Outage[];
  /** The longest that a caller waits for an answer that is no stream, in ms. */
  readonly boundMs: number;
}

/** What clients of two instances see of a store that is down for a while, under load. */
export function outageSuite(
  name: string,
  storage: 'postgres' | 'dynamodb',
  names: readonly string[],
  makeLab: () => Promise<OutageLab>,
): void {
  describe(`two instances on ${name}`, () => {
    let lab: OutageLab;
    let cluster: OutageCluster;
    const bugs: unknown[] = [];

    beforeAll(async () => {
      lab = await makeLab();
      const server = fixtureServer({
        storage,
        lifetime: DEFAULT_LIFETIME,
        limits: DEFAULT_LIMITS,
        authenticates: false,
        onBug: (error) => bugs.push(error),
      });
      cluster = await startCluster({ harness: lab.harness, count: 2, server: (_, caller) => server(caller) });
    });
    afterAll(async () => {
      // Fails where an instance met an error that nobody foresaw.
      await cluster?.close();
      await lab?.harness.close();
      expect(bugs).toEqual([]);
    });

    // Catches: `stored` for what is not there, an answer without Retry-After or in a driver's words, an instance that
    // does not recover by itself, and streams that lose or repeat what was said meanwhile.
    it.each(names)(
      '%s: tell it, keep what they acknowledged, and recover',
      async (each) => {
        const outage = lab.outages.find((one) => one.name === each) as Outage;
        const [a = '', b = ''] = cluster.origins;
        const clients = await Promise.all(times(CLIENTS, () => cluster.open({ at: a })));
        const streaming = await cluster.open({ at: a });
        const listening = await streaming.listen({ at: a });
        const load = new Load(clients, [a, b]);
        const announcer = new Announcer(streaming, b);
        await eventually(() => load.storedByClient.every((stored) => stored > 2), 'the load');
        expect(await notReady(cluster)).toEqual([undefined, undefined]);
        const counts = { to: NUMBERS, delay_ms: Math.ceil(OUTAGE_MS / NUMBERS) };
        const counting = streamOf(await streaming.call('count', counts, { at: b, id: 'count' }));
        await counting.until(() => counting.said.length > 0, 'the first number');

        const told = load.counts.refused + load.counts.failed;
        await outage.begin();
        try {
          await announcer.announce();
          const [readiness] = await Promise.all([
            notReadyInTime(cluster),
            outage.seen === 'errors' ? refusesSessions(cluster) : undefined,
            lasts(OUTAGE_MS),
          ]);
          const isTold = (): boolean => load.counts.refused + load.counts.failed > told;
          if (outage.seen === 'errors') await eventually(isTold, 'callers are told');
          expect(readiness).toEqual(times(2, () => expect.stringMatching(/^The session store is/)));
        } finally {
          await outage.end();
        }

        await eventually(
          async () => (await notReady(cluster)).every((reason) => reason === undefined),
          'ready',
          RECOVERY_MS,
        );
        const after = load.storedByClient;
        await eventually(
          () => load.storedByClient.every((each, index) => each > (after[index] ?? 0) + 2),
          'every client stores again',
          RECOVERY_MS,
        );
        const said = await announcer.finish();
        await listening.until(
          () => said.every((text) => listening.said.includes(text)),
          'what was announced',
          RECOVERY_MS,
        );
        expect(listening.said).toEqual([...new Set(listening.said)]);
        await counting.end(OUTAGE_MS + RECOVERY_MS);
        expect(counting.said).toEqual(times(NUMBERS, (index) => index + 1));
        expect((await counting.answer('count')).result).toMatchObject({
          structuredContent: { counted: NUMBERS },
        });

        expect(await load.finish()).toEqual([]);
        expect(load.longestMs).toBeLessThan(lab.boundMs);
        listening.close();
      },
      TEST_MS,
    );
  });
}

/** Announces on one instance, also while the store is down, what the other one's stream is to show. */
class Announcer {
  readonly #client: RawClient;
  readonly #at: string;
  readonly #answered: Promise<string | undefined>[] = [];

  constructor(client: RawClient, at: string) {
    this.#client = client;
    this.#at = at;
  }

  async announce(): Promise<void> {
    const text = `announced ${this.#answered.length + 1}`;
    this.#answered.push(this.#send(text));
  }

  /** @returns what was acknowledged, the last of it after the outage */
  async finish(): Promise<readonly string[]> {
    await this.announce();
    const said = (await Promise.all(this.#answered)).filter((text) => text !== undefined);
    expect(said).toContain(`announced ${this.#answered.length}`);
    return said;
  }

  async #send(text: string): Promise<string | undefined> {
    const id = this.#client.nextId();
    const outcome = await callOutcome(
      await this.#client.call('announce', { text }, { at: this.#at, id }),
      id,
    );
    if (outcome.kind === 'wrong') throw new Error(outcome.what);
    return outcome.kind === 'done' ? text : undefined;
  }
}

function notReady({ mcp }: OutageCluster): Promise<(string | undefined)[]> {
  return Promise.all([mcp('a').notReady(), mcp('b').notReady()]);
}

/** A check is bounded by 2 s. */
async function notReadyInTime(cluster: OutageCluster): Promise<(string | undefined)[]> {
  const start = performance.now();
  const reasons = await notReady(cluster);
  expect(performance.now() - start).toBeLessThan(4_000);
  return reasons;
}

/** Nobody opens a session meanwhile, and all are told when to try again. */
async function refusesSessions({ origins }: OutageCluster): Promise<void> {
  const refused = origins.map(async (origin) => {
    const response = await fetch(`${origin}/mcp`, post(initializeMessage()));
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await response.json()).toMatchObject({ error: { data: { reason: 'store_unavailable' } } });
  });
  await Promise.all(refused);
}

function lasts(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
