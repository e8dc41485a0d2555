import { createHash } from 'node:crypto';
import { existsSync, lstatSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineUnavailable } from '../errors.ts';
import { type Account, haveName, unprivilegedAccount } from './account.ts';
import { completeNative, copyNative, packageVersion } from './native.ts';
import { namespacesAllowed, type RunAs, type Runner, tryOut } from './run-as.ts';

/** What there is to choose from. */
export interface RunnerChoice {
  /** The installed binaries. */
  readonly native: string;
  /** The engine's directory, which is ours to write. */
  readonly dir: string;
  /** Only this way, instead of whichever works. */
  readonly runAs: RunAs | undefined;
  readonly log: (message: string) => void;
}

/**
 * Finds a way to run PostgreSQL here by trying: as ourselves; as root (or as a user without a name, whom
 * initdb refuses) in a user namespace; as root where such are not allowed, by dropping to an unprivileged
 * user. The binaries are copied when they are incomplete and not ours to repair, or out of its reach.
 *
 * @throws EngineUnavailable naming what was tried, and the ways out
 */
export function chooseRunner(choice: RunnerChoice): Runner {
  const root = process.getuid?.() === 0;
  const ways: Runner['way'][] = root ? ['unshare', 'drop'] : haveName() ? ['direct'] : ['unshare'];
  const tried: string[] = [];
  for (const way of choice.runAs && root ? [choice.runAs] : ways) {
    const runner = tryWay(way, choice, tried);
    if (runner) return runner;
  }
  throw new EngineUnavailable(
    `the embedded PostgreSQL cannot run here${root ? ' as root, which PostgreSQL refuses' : ''}: ` +
      `${root ? 'run as a user that is not root, or ' : ''}set DATABASE_URL to a PostgreSQL of your own. ` +
      `Tried: ${tried.join('; ')}`,
  );
}

/** Removes the temporary copy of the binaries, if there is one. */
export function removeCopy(runner: Runner): void {
  if (copies(runner.native)) rmSync(join(runner.native, '..'), { recursive: true, force: true });
}

function tryWay(way: Runner['way'], choice: RunnerChoice, tried: string[]): Runner | undefined {
  if (way === 'unshare' && !namespacesAllowed()) {
    tried.push('unshare: user namespaces are not allowed, or there is no unshare program');
    return undefined;
  }
  if (way !== 'direct' && !existsSync('/proc/self/fd')) {
    tried.push(`${way}: there is no /proc`);
    return undefined;
  }
  const owner = way === 'drop' ? unprivilegedAccount() : ourselves();
  for (const place of [undefined, ...copyPlaces(choice)]) {
    const at = place === undefined ? 'as installed' : `copied to ${place}`;
    try {
      const native = place === undefined ? inPlace(choice.native) : copied(choice.native, place);
      const result = tryOut(native, way, owner);
      if ('version' in result) {
        choice.log(`PostgreSQL ${result.version}, ${way}, ${at}`);
        return { way, owner, native, version: result.version };
      }
      tried.push(`${way}, ${at}: ${result.error}`);
    } catch (error) {
      tried.push(`${way}, ${at}: ${(error as Error).message}`);
    }
    if (place !== undefined) rmSync(place, { recursive: true, force: true });
  }
  return undefined;
}

function inPlace(native: string): string {
  completeNative(native);
  return native;
}

function copied(native: string, place: string): string {
  if (!isTrusted(place)) copyNative(native, place);
  return join(place, 'native');
}

/** Root must not run what somebody else put into a shared temporary directory. */
function isTrusted(place: string): boolean {
  try {
    const stats = lstatSync(place);
    return (
      stats.isDirectory() && stats.uid === (process.getuid?.() ?? stats.uid) && (stats.mode & 0o022) === 0
    );
  } catch {
    return false;
  }
}

const COPY_NAME = 'durable-mcp-postgres-';

/**
 * Below the engine's directory, where the copy is kept; for root, whose PostgreSQL may not get there, in a
 * temporary directory for the time it runs.
 */
function copyPlaces({ dir, native }: RunnerChoice): string[] {
  const version = packageVersion(native);
  if (process.getuid?.() !== 0) return [join(dir, `runtime-${version}`)];
  const name = COPY_NAME + createHash('sha256').update(`${dir}\n${version}`).digest('hex').slice(0, 16);
  return [...new Set([tmpdir(), '/tmp', '/var/tmp'])].map((parent) => join(parent, name));
}

function copies(native: string): boolean {
  return join(native, '..').includes(`/${COPY_NAME}`);
}

function ourselves(): Account | undefined {
  const uid = process.getuid?.();
  const gid = process.getgid?.();
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}
