import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { command, storeFlag } from '../../src/app/cli/command.ts';
import { InvalidSettings } from '../../src/app/settings.ts';
import type { StoreName } from '../../src/app/store-config.ts';
import { startRandomProxy } from '../support/random-proxy.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { startInstances } from './instances.ts';
import { runSuite, type SuiteRun } from './suite.ts';
import { judge, type Verdict } from './verdict.ts';

/** `npm run conformance`: the official suite against several instances, each request on a random one. */
await command(
  {
    usage: 'npm run conformance -- --store postgres|dynamodb [flags]',
    options: {
      store: { type: 'string', help: 'postgres or dynamodb; required' },
      instances: { type: 'string', help: 'how many instances serve; 3' },
      seed: { type: 'string', help: 'repeats the choice of instances of an earlier run' },
      results: { type: 'string', help: 'empty directory to keep the suite’s findings in' },
    },
  },
  async ({ store, instances = '3', seed = String(randomInt(2 ** 31)), results }) => {
    const interrupted = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());
    const name = storeFlag(store);
    const count = wholeNumber('--instances', instances, 1);
    const options = { store: name, count, seed: wholeNumber('--seed', seed, 0) };
    const outputDir = results ?? (await mkdtemp(join(tmpdir(), 'durable-mcp-conformance-results-')));
    let verdicts: readonly Verdict[];
    try {
      verdicts = await run({ ...options, outputDir: resolve(outputDir), signal: interrupted.signal });
    } finally {
      if (results === undefined) await rm(outputDir, { recursive: true, force: true });
    }
    for (const verdict of verdicts) report(verdict);
    const failed = verdicts.filter(({ problems }) => problems.length > 0);
    const passed = verdicts.length - failed.length;
    print(`conformance: ${passed} scenarios passed, ${failed.length} failed (${name}, ${count} instances)`);
    process.exit(failed.length === 0 ? 0 : 1);
  },
);

async function run(options: {
  readonly store: StoreName;
  readonly count: number;
  readonly seed: number;
  readonly outputDir: string;
  readonly signal: AbortSignal;
}): Promise<readonly Verdict[]> {
  const { store, count, seed, outputDir, signal } = options;
  const verdicts: Verdict[] = [];
  /** What is wrong with the run itself counts like a scenario that failed. */
  const complain = (what: string, problems: readonly string[]): void => {
    if (problems.length > 0) verdicts.push({ scenario: what, succeeded: 0, problems, warnings: [] });
  };
  const instances = await startInstances(store, count);
  const proxy = await startRandomProxy({ upstreams: instances.origins, random: seededRandom(seed) });
  try {
    print(`${count} instances on ${store} behind ${proxy.origin}/mcp, seed ${seed}`);
    const suite = await runSuite(`${proxy.origin}/mcp`, outputDir, signal);
    verdicts.push(...judge(suite.results));
    complain('the suite’s own result', unexplained(suite, verdicts));
    const handled = instances.origins.map((origin) => proxy.handled.get(origin) ?? 0);
    print(`requests by instance: ${handled.join(', ')}`);
    complain('the spread over instances', handled.includes(0) ? ['one of them served nothing'] : []);
  } finally {
    await proxy.close();
    complain('the instances', await instances.close());
  }
  return verdicts;
}

/** The suite must agree that nothing failed, or have told us of a check that did. */
function unexplained(
  { results, exitCode, output }: SuiteRun,
  verdicts: readonly Verdict[],
): readonly string[] {
  const failed = verdicts.some(({ problems }) => problems.length > 0);
  if (results.size > 0 && (exitCode === 0 || (exitCode === 1 && failed))) return [];
  return [`it ended with ${exitCode ?? 'a signal'}:`, ...output.trimEnd().split('\n').slice(-10)];
}

function report({ scenario, succeeded, problems, warnings }: Verdict): void {
  print(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${scenario} (${succeeded})`);
  for (const line of [...problems, ...warnings]) print(`         ${line}`);
}

function wholeNumber(flag: string, text: string, min: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min) return number;
  throw new InvalidSettings([
    `${flag} must be a whole number of at least ${min}, but is ${JSON.stringify(text)}`,
  ]);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
