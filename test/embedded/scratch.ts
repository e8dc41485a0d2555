import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import {
  type EmbeddedEngine,
  type EngineKind,
  type JoinOptions,
  joinEngine,
} from '../../src/app/embedded/engine.ts';
import { isAlive } from '../../src/app/embedded/process-alive.ts';
import { currentTurn } from '../../src/app/embedded/supervisor-lock.ts';

/** A process that has joined. */
export interface Member {
  readonly pid: number;
  readonly url: string;
  readonly started: boolean;
  kill(): Promise<void>;
}

/** What a test gets: a directory of its own, and ways to join the engines in it, all undone afterwards. */
export interface Scratch {
  readonly dataDir: string;
  /** Joins in this process. */
  join(options: Omit<JoinOptions, 'dataDir'>): Promise<EmbeddedEngine>;
  /** Starts a process that joins; rejects with its error when it cannot. */
  member(options: Omit<JoinOptions, 'dataDir'>): Promise<Member>;
}

/** `it` with a scratch directory. */
export const it = test.extend<{ scratch: Scratch }>({
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of the fixtures off the pattern
  scratch: async ({}, use) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'embedded-'));
    const engines: EmbeddedEngine[] = [];
    const children: ChildProcess[] = [];
    await use({
      dataDir,
      join: async (options) => {
        const engine = await joinEngine({ durable: false, dataDir, ...options });
        engines.push(engine);
        return engine;
      },
      member: (options) => startMember({ durable: false, dataDir, ...options }, children),
    });
    try {
      for (const child of children) child.kill('SIGKILL');
      for (const engine of engines) await engine.leave();
      for (const kind of ['postgres', 'dynamodb'] as const) await engineEnded(dataDir, kind);
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
});

async function startMember(options: JoinOptions, children: ChildProcess[]): Promise<Member> {
  const entry = fileURLToPath(new URL('./member.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', entry, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true, // a process group of its own, as a shell gives it
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  });
  children.push(child);
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the member ended with ${code}`)));
  });
  const { url, started, error } = JSON.parse(line);
  if (error) throw new Error(error);
  return {
    pid: child.pid ?? 0,
    url,
    started,
    kill: () => {
      child.kill('SIGKILL');
      return exited;
    },
  };
}

/** Polls until a condition holds; what it last threw, or what was waited for, is in the error. */
export async function until(what: string, condition: () => unknown, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    let problem: unknown;
    try {
      if (await condition()) return;
    } catch (error) {
      problem = error;
    }
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: problem });
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** The supervisor's pid, if there ever was one. */
export function supervisorPid(dataDir: string, kind: EngineKind): number | undefined {
  try {
    return currentTurn(join(dataDir, kind))?.holder?.pid;
  } catch {
    return undefined;
  }
}

/** The PostgreSQL server's pid, if it left one. */
export function postmasterPid(dataDir: string): number | undefined {
  try {
    return Number(readFileSync(join(dataDir, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return undefined;
  }
}

async function engineEnded(dataDir: string, kind: EngineKind): Promise<void> {
  const pids = [supervisorPid(dataDir, kind), kind === 'postgres' ? postmasterPid(dataDir) : undefined];
  const alive = () => pids.filter((pid) => pid !== undefined && isRunningOn(pid, dataDir));
  await until(`end of ${kind} in ${dataDir}`, () => alive().length === 0).catch((error) => {
    for (const pid of alive()) if (pid) process.kill(pid, 'SIGKILL');
    throw error;
  });
}

/** A test may leave a pid in a file that was never the engine's, such as its own. */
function isRunningOn(pid: number, dataDir: string): boolean {
  if (!isAlive(pid)) return false;
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return command.includes(dataDir) || command.includes('cluster_name=durable-mcp-');
  } catch {
    return pid !== process.pid;
  }
}
