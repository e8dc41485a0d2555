import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { command, storeFlag } from '../../src/app/cli/command.ts';
import type { StoreName } from '../../src/app/store-config.ts';
import { serversOn } from '../e2e/servers.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { wholeNumber } from '../support/whole-number.ts';
import { judgeFlatness } from './flatness.ts';
import { fillCaches, type LoadReport, runLoad } from './load.ts';
import type { Metric } from './metric.ts';
import { processMetrics } from './process-metrics.ts';
import { storeMetrics } from './store-metrics.ts';

const CLIENTS = 6;
const SAMPLES = 48;
/** How long a session is kept at most. Before the first sample comes, what is kept has begun to end. */
const LIFETIME_S = 45;
/** Everything that is kept must have ended several times over in a short run. */
const SHORT_LIVES = {
  SESSION_TTL_SECONDS: '20',
  SESSION_MAX_LIFETIME_SECONDS: String(LIFETIME_S),
  EVENT_RETENTION_SECONDS: '20',
  // What is logged then is an error, and fails the run.
  LOG_LEVEL: 'error',
  NODE_NO_WARNINGS: '1',
};

/** `npm run soak`: mixed load on two instances, and whether what they and the store hold stops growing. */
await command(
  {
    usage: 'npm run soak -- [flags]',
    options: {
      store: { type: 'string', help: 'postgres or dynamodb; postgres' },
      minutes: {
        type: 'string',
        help: 'how long; 10. From 4 on Postgres, which is swept once a minute; else from 2',
      },
      seed: { type: 'string', help: 'repeats the order of an earlier run' },
    },
  },
  async ({ store = 'postgres', minutes = '10', seed = String(randomInt(2 ** 31)) }) => {
    const name = storeFlag(store);
    const isGood = await soak(name, {
      ms: wholeNumber('--minutes', minutes, name === 'postgres' ? 4 : 2) * 60_000,
      seed: wholeNumber('--seed', seed, 0),
    });
    process.exit(isGood ? 0 : 1);
  },
);

async function soak(store: StoreName, run: { readonly ms: number; readonly seed: number }): Promise<boolean> {
  const servers = await serversOn(store, { program: 'test/soak/serve.ts' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => void servers.close().finally(() => process.exit(130)));
  }
  try {
    // One after the other: the first makes the tables.
    const instances = [await servers.start(SHORT_LIVES), await servers.start(SHORT_LIVES)] as const;
    const held = await storeMetrics(store, servers.storeUrl);
    const metrics = [
      ...instances.flatMap((instance, index) => processMetrics(`instance ${index + 1}`, instance)),
      ...held.metrics,
    ];
    const stop = new AbortController();
    const load = runLoad({
      urls: [instances[0].url, instances[1].url],
      clients: CLIENTS,
      random: seededRandom(run.seed),
      signal: stop.signal,
    });
    let series: ReadonlyMap<Metric, readonly number[]>;
    try {
      await Promise.all([
        fillCaches(
          instances.map(({ url }) => url),
          CLIENTS,
        ),
        pause(LIFETIME_S * 1_000),
      ]);
      series = await sample(metrics, run.ms);
    } finally {
      stop.abort();
    }
    const report = await load;
    await held.close();
    const ends = await Promise.all(instances.map(({ process: server }) => server.kill('SIGTERM')));
    const logged = instances.map(({ process: server }) => server.stderr.trim()).filter((text) => text !== '');
    const isFlat = printMetrics(series);
    printLoad(report, [
      ...logged,
      ...ends.filter((code) => code !== 0).map((code) => `an instance ended with ${code}`),
    ]);
    const isGood =
      isFlat && report.failures.length === 0 && logged.length === 0 && ends.every((code) => code === 0);
    console.log(`soak: ${isGood ? 'passed' : 'FAILED'} (${store}, ${run.ms / 60_000} min, seed ${run.seed})`);
    return isGood;
  } finally {
    await servers.close();
  }
}

async function sample(
  metrics: readonly Metric[],
  ms: number,
): Promise<ReadonlyMap<Metric, readonly number[]>> {
  const series = new Map(metrics.map((metric): [Metric, number[]] => [metric, []]));
  const begin = performance.now();
  for (let taken = 1; taken <= SAMPLES; taken += 1) {
    await pause(begin + (ms * taken) / SAMPLES - performance.now());
    for (const [metric, samples] of series) samples.push(await metric.sample());
  }
  return series;
}

function printMetrics(series: ReadonlyMap<Metric, readonly number[]>): boolean {
  const verdicts = [...series].map(([metric, samples]) => ({
    ...judgeFlatness(samples, metric.tolerance),
    metric,
    most: Math.max(...samples),
  }));
  console.log('\nThe median of the second quarter and of the last, and what may lie between them:\n');
  console.log('| metric | second quarter | last quarter | growth | allowed | most | |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const { metric, before, after, allowed, most, isFlat } of verdicts) {
    const [first, last, growth, limit, top] = [before, after, after - before, allowed, most].map((number) =>
      `${number.toFixed(metric.unit === '' ? 0 : 1)} ${metric.unit}`.trim(),
    );
    console.log(
      `| ${metric.name} | ${first} | ${last} | ${growth} | ${limit} | ${top} | ${isFlat ? 'flat' : 'GROWS'} |`,
    );
  }
  return verdicts.every(({ isFlat }) => isFlat);
}

function printLoad({ visits, failures }: LoadReport, problems: readonly string[]): void {
  console.log(`\nSessions: ${[...visits].map(([name, count]) => `${count} ${name}`).join(', ')}`);
  for (const failure of [...failures.slice(0, 10), ...problems]) console.log(`FAILED: ${failure}`);
  if (failures.length > 10) console.log(`… and ${failures.length - 10} more`);
}
