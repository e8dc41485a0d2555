import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineUnavailable } from '../errors.ts';
import { logTail } from '../log-file.ts';
import { commandLine, isAlive } from '../process-alive.ts';
import type { ClusterPaths } from './cluster.ts';
import { program } from './native.ts';
import { disownPostmasterFile, readPostmasterFile } from './postmaster-file.ts';
import { commandOn, type Runner } from './run-as.ts';

/** A running PostgreSQL server. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** Resolves when its process has ended, for whatever reason. */
  readonly ended: Promise<void>;
}

const POLL_MS = 10;
const WATCH_MS = 200;
const START_MS = 120_000;

/** The server that a killed supervisor left behind, if it runs still; a stale file is made harmless. */
export async function survivingPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const file = readPostmasterFile(cluster);
  if (!file) return undefined;
  if (!isAlive(file.pid) || !isOurs(file.pid, cluster)) {
    disownPostmasterFile(cluster);
    return undefined;
  }
  const ended = watch(file.pid);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over) {
    const now = readPostmasterFile(cluster);
    if (now?.status === 'ready' && now.port !== undefined) return { pid: file.pid, port: now.port, ended };
    await sleep(POLL_MS);
  }
  return undefined;
}

/** Starts a server and waits until it accepts connections. */
export async function startPostmaster(
  { cluster, log: logPath }: ClusterPaths,
  runner: Runner,
  port: number,
  durable: boolean,
  log: number,
): Promise<Postmaster> {
  const command = commandOn(
    runner,
    'postgres',
    cluster,
    (at) => ['-D', at, ...settings(cluster, port, durable)],
    log,
  );
  const child = spawn(command.file, command.args, command.options);
  command.release();
  child.unref();
  const ended = exitOf(child);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const deadline = Date.now() + START_MS;
  while (!over && child.pid !== undefined) {
    const file = readPostmasterFile(cluster);
    if (file?.pid === child.pid && file.status === 'ready') return { pid: child.pid, port, ended };
    if (Date.now() > deadline) process.kill(child.pid, 'SIGKILL');
    await sleep(POLL_MS);
  }
  throw new EngineUnavailable(`PostgreSQL did not start\n--- ${logPath}\n${logTail(logPath)}`);
}

/** Stops a server: first its clients are cut off and all is written; then with less care; then with none. */
export async function stopPostmaster(postmaster: Postmaster, runner: Runner, cluster: string): Promise<void> {
  let over = false;
  const ended = postmaster.ended.then(() => {
    over = true;
  });
  for (const [signal, patienceMs] of [
    ['SIGINT', 3_000],
    ['SIGQUIT', 1_000],
    ['SIGKILL', 1_000],
  ] as const) {
    if (over || !isAlive(postmaster.pid)) return;
    if (process.platform === 'win32') pgCtlStop(runner, cluster, signal);
    else send(postmaster.pid, signal);
    await Promise.race([ended, sleep(patienceMs, undefined, { ref: false })]);
  }
}

function settings(cluster: string, port: number, durable: boolean): string[] {
  const values = {
    cluster_name: mark(cluster),
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    timezone: 'UTC',
    log_checkpoints: 'off',
    // synchronous_commit stays on: without it a kill -9 of the server loses commits it has acknowledged, and
    // without fsync it costs 50 µs a commit.
    ...(durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Tells our server from a stranger that got its pid: it is on the server's command line, which all may read. */
function mark(cluster: string): string {
  return `durable-mcp-${createHash('sha256').update(realpathSync(cluster)).digest('hex').slice(0, 16)}`;
}

function isOurs(pid: number, cluster: string): boolean {
  return commandLine(pid)?.includes(mark(cluster)) ?? true;
}

function exitOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

/** The exit of a process that is not our child can only be polled for. */
async function watch(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(WATCH_MS, undefined, { ref: false });
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it ended in between
  }
}

function pgCtlStop(runner: Runner, cluster: string, signal: string): void {
  const mode = signal === 'SIGINT' ? 'fast' : 'immediate';
  spawn(program(runner.native, 'pg_ctl'), ['stop', '-W', '-D', cluster, '-m', mode], {
    stdio: 'ignore',
    windowsHide: true,
  });
}
