import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { command, storeFlag } from '../../src/app/cli/command.ts';
import type { StoreName } from '../../src/app/store-config.ts';
import { serversOn } from '../e2e/servers.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { wholeNumber } from '../support/whole-number.ts';
import { fillCaches, Load } from './load.ts';
import { processMetrics } from './process-metrics.ts';
import { LONGEST, type Samples, takeSamples } from './sampling.ts';
import { storeMetrics } from './store-metrics.ts';
import { judgeByQuarters, judgeBySessions, keptOf, worst } from './verdicts.ts';

/** Each session that fills the caches: on Postgres an instance remembers keys, too. */
const KEYS_TO_FILL = { postgres: 10, dynamodb: 1 };
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

/** How often it says how far it is. */
const SAMPLES_A_LINE = 6;

const minutesOf = (ms: number): number => Math.round(ms / 6_000) / 10;

/** `npm run soak`: mixed load on two instances, and whether what they and the store hold stops growing. */
await command(
  {
    usage: 'npm run soak -- [flags]',
    options: {
      store: { type: 'string', help: 'postgres or dynamodb; postgres' },
      minutes: {
        type: 'string',
        help: `how long, after a warm-up; 10. From 4 on Postgres, which is swept once a minute; else from 2. Up to ${LONGEST} times as long where that does not tell`,
      },
      seed: { type: 'string', help: 'repeats the order of an earlier run' },
    },
  },
  async ({ store = 'postgres', minutes = '10', seed = String(randomInt(2 ** 31)) }) => {
    const name = storeFlag(store);
    const exitCode = await soak(name, {
      ms: wholeNumber('--minutes', minutes, name === 'postgres' ? 4 : 2) * 60_000,
      seed: wholeNumber('--seed', seed, 0),
    });
    process.exit(exitCode);
  },
);

/** @returns the exit code: 1 for what failed, 2 where too little happened to tell */
async function soak(store: StoreName, run: { readonly ms: number; readonly seed: number }): Promise<number> {
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
    const urls = [instances[0].url, instances[1].url] as const;
    const load = new Load(urls, seededRandom(run.seed));
    let samples: Samples;
    console.log(
      `Soak of two instances on ${store}, seed ${run.seed}: a warm-up until their caches are full, then ${minutesOf(run.ms)} minutes, ${minutesOf(run.ms * LONGEST)} at most.`,
    );
    load.start();
    try {
      await Promise.all([fillCaches(urls, KEYS_TO_FILL[store]), pause(LIFETIME_S * 1_000)]);
      console.log(`Warmed up by ${load.done.sessions} sessions; now it counts.`);
      samples = await takeSamples(metrics, {
        ms: run.ms,
        done: () => load.done,
        isClear: (taken) => [...keptOf(taken).values()].every(({ verdict }) => verdict !== 'unclear'),
        onSample: (taken) => {
          if (taken.samples % SAMPLES_A_LINE !== 0) return;
          console.log(
            `${minutesOf(taken.passedMs)} min: ${taken.samples} samples, ${load.done.sessions} sessions`,
          );
        },
      });
    } finally {
      await load.stop();
    }
    await held.close();
    const ends = await Promise.all(instances.map(({ process: server }) => server.kill('SIGTERM')));
    const logged = instances.map(({ process: server }) => server.stderr.trim()).filter((text) => text !== '');
    const problems = [
      ...load.failures.slice(0, 10),
      ...(load.failures.length > 10 ? [`… and ${load.failures.length - 10} visits more`] : []),
      ...logged,
      ...ends.filter((code) => code !== 0).map((code) => `an instance ended with ${code}`),
    ];
    const verdict = worst([judgeByQuarters(samples), judgeBySessions(samples)]);
    console.log(`\nSessions: ${[...load.visits].map(([name, count]) => `${count} ${name}`).join(', ')}`);
    for (const problem of problems) console.log(`FAILED: ${problem}`);
    const isBad = verdict === 'GROWS' || problems.length > 0;
    const outcome = isBad ? 'FAILED' : verdict === 'flat' ? 'passed' : 'UNCLEAR, take more minutes';
    console.log(`soak: ${outcome} (${store}, ${minutesOf(run.ms)} min, seed ${run.seed})`);
    return isBad ? 1 : verdict === 'flat' ? 0 : 2;
  } finally {
    await servers.close();
  }
}
