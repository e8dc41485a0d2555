import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../contenders/environment.ts';
import { cleanEnvironment } from '../contenders/server-process.ts';
import { ROOT } from '../project.ts';
import type { Workload } from './workload.ts';

const READY_MS = 60_000;
const ENDED_MS = 30_000;
const POLL_MS = 20;

/** From the command to its ready line, with data from earlier starts and no engine that still runs. */
export function startTimeWorkload(name: string, title: string, starts: number): Workload {
  return {
    name,
    title,
    rounds: starts,
    cases: [
      {
        name: 'npm run dev:postgres',
        contender: 'postgres',
        prepare: async (environment) => {
          const dataDir = await environment.directory();
          await startOnce(dataDir, environment);
          return {
            measure: async () => ({ start_ms: await startOnce(dataDir, environment) }),
            close: async () => {},
          };
        },
      },
    ],
  };
}

/** @returns milliseconds up to the ready line; the server and its engine have ended by then */
async function startOnce(dataDir: string, environment: Environment): Promise<number> {
  const startedAt = performance.now();
  const child = spawn('npm', ['run', 'dev:postgres'], {
    cwd: ROOT,
    env: { ...cleanEnvironment(), DATA_DIR: dataDir, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(process.platform === 'win32' ? { shell: true } : { detached: true }),
  });
  const closed = new Promise<void>((done) => child.once('close', () => done()).once('error', () => done()));
  const stop = async (): Promise<void> => {
    interrupt(child);
    await closed;
    await engineEnded(dataDir);
  };
  environment.beforeEnd(stop);
  try {
    await ready(child);
    return performance.now() - startedAt;
  } finally {
    await stop();
  }
}

function ready(child: ChildProcess): Promise<void> {
  let output = '';
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => reject(new Error(`npm run dev:postgres ${reason}\n${output}`));
    const timer = setTimeout(() => fail('was not ready in time'), READY_MS);
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes('listening on ')) resolve();
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', (error) => fail(error.message));
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      fail(`ended with ${signal ?? code}`);
    });
  });
}

/** As a terminal does: npm's shell does not pass on a signal that only npm gets. */
function interrupt({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  process.kill(process.platform === 'win32' ? pid : -pid, 'SIGINT');
}

/** An engine outlives its last server for a moment; a start that found it running would say little. */
async function engineEnded(dataDir: string): Promise<void> {
  const lock = join(dataDir, 'postgres', 'cluster', 'postmaster.pid');
  const deadline = Date.now() + ENDED_MS;
  while (existsSync(lock)) {
    if (Date.now() > deadline) throw new Error('the embedded engine did not end');
    await sleep(POLL_MS);
  }
}
