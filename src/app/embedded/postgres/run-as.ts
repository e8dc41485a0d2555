import { type SpawnOptions, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { type Account, unprivilegedAccount } from './account.ts';
import { program } from './native.ts';

/** The ways for root to run PostgreSQL, which refuses to run as root. */
export type RunAs = 'unshare' | 'drop';

/** How the programs of PostgreSQL are run, and by whom. */
export interface Runner {
  /** `direct`: as the user that we are. */
  readonly way: 'direct' | RunAs;
  /** The user that must own the cluster's files, as the kernel sees it; `undefined` where there are no users. */
  readonly owner: Account | undefined;
  /** The installation it runs. */
  readonly native: string;
  /** The version that its binaries say they are. */
  readonly version: string;
}

/** A command that is ready to be spawned. */
export interface Command {
  readonly file: string;
  readonly args: string[];
  readonly options: SpawnOptions;
  /** To be called once it was spawned. */
  release(): void;
}

/**
 * A program that works on a directory. `args` is told under which path the program sees that directory: out
 * of root's powers, it may be unable to traverse the directories above, but it is handed this one as an open
 * file, and a path through `/proc/self/fd` starts there. So the data stays where it belongs.
 */
export function commandOn(
  runner: Runner,
  name: 'postgres' | 'initdb',
  directory: string,
  args: (at: string) => string[],
  log: number,
): Command {
  const file = program(runner.native, name);
  const common: SpawnOptions = { detached: true, windowsHide: true, env: { ...process.env, TZ: 'UTC' } };
  if (runner.way === 'direct') {
    const options: SpawnOptions = { ...common, cwd: directory, stdio: ['ignore', log, log] };
    return { file, args: args(directory), options, release: () => {} };
  }
  const fd = openSync(directory, 'r');
  const [first, rest] = launchedBy(runner.way, file, args('/proc/self/fd/3'));
  const ids = runner.way === 'drop' ? runner.owner : undefined;
  return {
    file: first,
    args: rest,
    options: { ...common, ...ids, cwd: '/', stdio: ['ignore', log, log, fd] },
    release: () => closeSync(fd),
  };
}

/** Runs `postgres --version` in the way given: its output shows that this way works, an error why not. */
export function tryOut(
  native: string,
  way: Runner['way'],
  dropTo: Account | undefined,
): { version: string } | { error: string } {
  const [file, args] = launchedBy(way, program(native, 'postgres'), ['--version']);
  const ids = way === 'drop' ? dropTo : undefined;
  const ran = spawnSync(file, args, { encoding: 'utf8', cwd: '/', ...ids });
  const version = /\d+(\.\d+)*/.exec(ran.stdout ?? '')?.[0];
  if (ran.status === 0 && version) return { version };
  return { error: ran.error?.message ?? (ran.stderr.trim() || `exit ${ran.status ?? ran.signal}`) };
}

/** Whether processes may make user namespaces here: in containers they often may not. */
export function namespacesAllowed(): boolean {
  return spawnSync(...launchedBy('unshare', 'true', []), { stdio: 'ignore' }).status === 0;
}

/** In a user namespace of its own a process of ours is somebody else, yet owns our files. */
function launchedBy(way: Runner['way'], file: string, args: string[]): [file: string, args: string[]] {
  if (way !== 'unshare') return [file, args];
  return ['unshare', ['--user', `--map-user=${unprivilegedAccount()?.uid ?? 65_534}`, '--', file, ...args]];
}
