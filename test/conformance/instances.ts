import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedEngine, joinEngine } from '../../src/app/embedded/engine.ts';
import type { StoreName } from '../../src/app/store-config.ts';
import { CommandProcess } from '../support/process.ts';

/** A stop takes 10 s at most, as the README promises. */
const STOP_BOUND_MS = 15_000;

/** Fixture servers in processes of their own, on one new store. */
export interface Instances {
  /** The origin of each, e.g. `http://127.0.0.1:41234`. */
  readonly origins: readonly string[];
  /** Ends all, and removes all data. @returns what went wrong in them, one line each */
  close(): Promise<readonly string[]>;
}

/** @throws Error if one does not start; nothing is left running then */
export async function startInstances(store: StoreName, count: number): Promise<Instances> {
  const dataDir = await mkdtemp(join(tmpdir(), 'durable-mcp-conformance-'));
  const environment = { DATA_DIR: dataDir, LOG_LEVEL: 'error' };
  const processes: CommandProcess[] = [];
  let engine: EmbeddedEngine | undefined;
  const close = async (): Promise<string[]> => {
    const problems = await Promise.all(processes.map(stopInstance));
    await engine?.leave();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
    return problems.flat();
  };
  try {
    // Joined here first, so that it is one engine from setup to the last instance's end.
    engine = await joinEngine({ kind: store, dataDir, durable: false });
    const setup = new CommandProcess('setup.ts', ['--store', store], environment);
    if ((await setup.exit()) !== 0) throw new Error(`the tables could not be made:\n${setup.stderr}`);
    for (let started = 0; started < count; started += 1) {
      const args = ['--store', store, '--port', '0'];
      processes.push(new CommandProcess('test/conformance/serve.ts', args, environment));
    }
    const urls = await Promise.all(processes.map((each) => each.ready()));
    return { origins: urls.map((url) => new URL(url).origin), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Ends it in order. @returns what went wrong in it, one line each */
export async function stopInstance(instance: CommandProcess): Promise<string[]> {
  const timer = setTimeout(() => void instance.kill('SIGKILL'), STOP_BOUND_MS);
  const code = await instance.kill('SIGTERM');
  clearTimeout(timer);
  const problems = problemsOf(instance);
  if (code === 0) return problems;
  const ended = `ended with ${code ?? instance.child.signalCode} where 0 was expected`;
  return [`process ${instance.child.pid}: ${ended}`, ...problems];
}

/** The errors that it logged so far, one line each. */
export function problemsOf({ stderr, child }: CommandProcess): string[] {
  // Node's own warnings go to the same place.
  const problems = stderr.split('\n').filter((line) => /^(\{|unexpected error)/.test(line));
  return problems.map((problem) => `process ${child.pid}: ${problem.slice(0, 300)}`);
}
