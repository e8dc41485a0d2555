import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Revision, SUITE } from './scenarios.ts';
import type { Check } from './verdict.ts';

/** The suite crashes on Node 20. npx puts this one before the system's, for the suite alone. */
const NODE = 'node@24';
/** A run takes some 10 s, and the first one downloads Node. */
const SUITE_BOUND_MS = 90_000;

export interface SuiteOptions {
  /** Of the server's endpoint. */
  readonly url: string;
  readonly revision: Revision;
  /** Absolute path of an empty directory; made when missing. */
  readonly outputDir: string;
  /** Stops the run. */
  readonly signal: AbortSignal;
}

export interface SuiteRun {
  /** Checks by scenario, of those scenarios that came to an end. */
  readonly results: ReadonlyMap<string, readonly Check[]>;
  /** 0 if the suite found no failed check; `null` if it was stopped. */
  readonly exitCode: number | null;
  /** The end of what it printed, for when it did not work. */
  readonly output: string;
}

/**
 * Runs all of the official suite's scenarios of one revision against a server, and stops when that takes too long.
 *
 * @throws Error if the directory is not empty: results of another run would pass for those of this one
 */
export async function runSuite({ url, revision, outputDir, signal }: SuiteOptions): Promise<SuiteRun> {
  await mkdir(outputDir, { recursive: true });
  if ((await readdir(outputDir)).length > 0) throw new Error(`${outputDir} is not empty`);
  const suite = ['server', '--url', url, '--suite', 'all', '--spec-version', revision, '-o', outputDir];
  const child = spawn('npx', ['-y', '-p', NODE, '-p', SUITE, 'conformance', ...suite], {
    // Not in the project, whose packages npx would take first.
    cwd: outputDir,
    stdio: ['ignore', 'pipe', 'pipe'],
    // npx starts the suite through a shell: only as a group do they end together.
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-2_000);
    });
  }
  const stop = (): void => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  const timer = setTimeout(stop, SUITE_BOUND_MS);
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { results: await readResults(outputDir), exitCode, output };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    stop();
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Each scenario has a directory, named after it and the time, and its checks in there once it has ended. */
async function readResults(outputDir: string): Promise<Map<string, readonly Check[]>> {
  const results = new Map<string, readonly Check[]>();
  for (const directory of await readdir(outputDir)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(directory)?.[1];
    if (scenario === undefined) continue;
    const json = await readFile(join(outputDir, directory, 'checks.json'), 'utf8').catch(() => undefined);
    if (json !== undefined) results.set(scenario, JSON.parse(json) as Check[]);
  }
  return results;
}
