import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { command, storeFlag } from '../../src/app/cli/command.ts';
import { InvalidSettings } from '../../src/app/settings.ts';
import type { StoreName } from '../../src/app/store-config.ts';
import { startRandomProxy } from '../support/random-proxy.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { wholeNumber } from '../support/whole-number.ts';
import { startInstances } from './instances.ts';
import { REVISIONS, type Revision } from './scenarios.ts';
import { runSuite, type SuiteRun } from './suite.ts';
import { judge, type Verdict } from './verdict.ts';

/** `npm run conformance`: the official suite against several instances, each request on a random one. */
await command(
  {
    usage: 'npm run conformance -- --store postgres|dynamodb [flags]',
    options: {
      store: { type: 'string', help: 'postgres or dynamodb; required' },
      instances: { type: 'string', help: 'how many instances serve; 3' },
      'spec-version': {
        type: 'string',
        multiple: true,
        help: `a revision to run, may be repeated; ${REVISIONS.join(', ')}`,
      },
      seed: { type: 'string', help: 'repeats the choice of instances of an earlier run' },
      results: { type: 'string', help: 'empty directory to keep the suite’s findings in' },
    },
  },
  async ({ store, instances = '3', seed = String(randomInt(2 ** 31)), results, ...flags }) => {
    const interrupted = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());
    const name = storeFlag(store);
    const count = wholeNumber('--instances', instances, 1);
    const revisions = (flags['spec-version'] ?? REVISIONS).map(revisionOf);
    const options = { store: name, count, seed: wholeNumber('--seed', seed, 0), revisions };
    const outputDir = results ?? (await mkdtemp(join(tmpdir(), 'durable-mcp-conformance-results-')));
    let verdicts: ReadonlyMap<string, readonly Verdict[]>;
    try {
      verdicts = await run({ ...options, outputDir: resolve(outputDir), signal: interrupted.signal });
    } finally {
      if (results === undefined) await rm(outputDir, { recursive: true, force: true });
    }
    for (const [what, each] of verdicts) summarize(`conformance ${what}`, each);
    const all = [...verdicts.values()].flat();
    summarize('conformance', all, ` (${name}, ${count} instances)`);
    process.exit(all.every(hasPassed) ? 0 : 1);
  },
);

/** @returns what came of each revision, and of what is common to all */
async function run(options: {
  readonly store: StoreName;
  readonly count: number;
  readonly seed: number;
  readonly revisions: readonly Revision[];
  readonly outputDir: string;
  readonly signal: AbortSignal;
}): Promise<ReadonlyMap<string, readonly Verdict[]>> {
  const { store, count, seed, revisions, outputDir, signal } = options;
  const verdicts = new Map<string, readonly Verdict[]>();
  const instances = await startInstances(store, count);
  const proxy = await startRandomProxy({ upstreams: instances.origins, random: seededRandom(seed) });
  const handled = (): number[] => instances.origins.map((origin) => proxy.handled.get(origin) ?? 0);
  const url = `${proxy.origin}/mcp`;
  try {
    print(`${count} instances on ${store} behind ${url}, seed ${seed}`);
    for (const revision of revisions) {
      const before = handled();
      const suite = await runSuite({ url, revision, outputDir: join(outputDir, revision), signal });
      const requests = handled().map((now, index) => now - (before[index] ?? 0));
      print(`${revision}, requests by instance: ${requests.join(', ')}`);
      const judged = judge(revision, suite.results);
      judged.push(...complaint('the suite’s own result', unexplained(suite, judged)));
      const idle = requests.includes(0) ? ['one of them served nothing'] : [];
      judged.push(...complaint('the spread over instances', idle));
      for (const verdict of judged) report(verdict);
      verdicts.set(revision, judged);
    }
  } finally {
    await proxy.close();
    const problems = complaint('the instances', await instances.close());
    for (const verdict of problems) report(verdict);
    if (problems.length > 0) verdicts.set('instances', problems);
  }
  return verdicts;
}

/** What is wrong with a run itself counts like a scenario that failed. */
function complaint(what: string, problems: readonly string[]): Verdict[] {
  return problems.length === 0 ? [] : [{ scenario: what, succeeded: 0, problems, warnings: [] }];
}

/** The suite must agree that nothing failed, or have told us of a check that did. */
function unexplained(
  { results, exitCode, output }: SuiteRun,
  verdicts: readonly Verdict[],
): readonly string[] {
  const failed = !verdicts.every(hasPassed);
  if (results.size > 0 && (exitCode === 0 || (exitCode === 1 && failed))) return [];
  return [`it ended with ${exitCode ?? 'a signal'}:`, ...output.trimEnd().split('\n').slice(-10)];
}

function hasPassed({ problems }: Verdict): boolean {
  return problems.length === 0;
}

function report(verdict: Verdict): void {
  const { scenario, succeeded, problems, warnings } = verdict;
  print(`${hasPassed(verdict) ? 'ok    ' : 'FAILED'} ${scenario} (${succeeded})`);
  for (const line of [...problems, ...warnings]) print(`         ${line}`);
}

function summarize(what: string, verdicts: readonly Verdict[], where = ''): void {
  const passed = verdicts.filter(hasPassed).length;
  print(`${what}: ${passed} scenarios passed, ${verdicts.length - passed} failed${where}`);
}

function revisionOf(text: string): Revision {
  const revision = REVISIONS.find((each) => each === text);
  if (revision !== undefined) return revision;
  throw new InvalidSettings([
    `--spec-version must be one of ${REVISIONS.join(', ')}, but is ${JSON.stringify(text)}`,
  ]);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
