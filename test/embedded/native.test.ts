import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import {
  completeNative,
  copyNative,
  installedNative,
  program,
} from '../../src/app/embedded/postgres/native.ts';
import { it } from './scratch.ts';

/** An installation as it is when no install script was allowed to run. */
function bareInstallation(at: string): string {
  const native = join(at, 'package', 'native');
  mkdirSync(dirname(native));
  cpSync(installedNative(), native, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a'),
  });
  for (const { target } of listedLinks(native)) rmSync(join(native, '..', target), { force: true });
  return native;
}

function listedLinks(native: string): { source: string; target: string }[] {
  const list = join(native, 'pg-symlinks.json');
  return existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [];
}

function versionOf(native: string): string {
  return spawnSync(program(native, 'postgres'), ['--version'], { encoding: 'utf8', env: {} }).stdout ?? '';
}

// Catches: links that are not made, point to nowhere or leave drafts behind; modes that are not repaired; a
// repair that fails because another process made the link between its look and its own.
it.concurrent('an installation without its links and modes is completed, by several at the same time', async ({
  scratch,
}) => {
  const native = bareInstallation(scratch.dataDir);
  chmodSync(program(native, 'postgres'), 0o644);
  expect(versionOf(native)).toBe('');

  const module = new URL('../../src/app/embedded/postgres/native.ts', import.meta.url).href;
  const script = `const { completeNative } = await import(${JSON.stringify(module)});
    completeNative(${JSON.stringify(native)});`;
  const codes = await Promise.all(
    Array.from({ length: 4 }, () => {
      const args = ['--import', 'tsx', '--input-type=module', '-e', script];
      const child = spawn(process.execPath, args, { stdio: 'inherit' });
      return new Promise((done) => child.once('exit', done));
    }),
  );
  expect(codes).toEqual([0, 0, 0, 0]);
  completeNative(native); // nothing left to do

  expect(versionOf(native)).toMatch(/PostgreSQL/);
  for (const { source, target } of listedLinks(native)) {
    expect(statSync(join(native, '..', target)).ino).toBe(statSync(join(native, '..', source)).ino);
  }
  expect(readdirSync(join(native, 'lib')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

// Catches: a copy with the modes of an original that only its owner may read, or with files that nobody needs.
it.concurrent('a copy is complete, and may be read by all', ({ scratch }) => {
  const native = bareInstallation(scratch.dataDir);
  chmodSync(join(native, 'lib'), 0o700);
  const umask = process.umask(0o077);
  try {
    copyNative(native, join(scratch.dataDir, 'copy'));
  } finally {
    process.umask(umask);
  }
  expect(versionOf(join(scratch.dataDir, 'copy/native'))).toMatch(/PostgreSQL/);
  for (const path of ['.', 'native', 'native/lib', 'native/bin/postgres']) {
    expect(lstatSync(join(scratch.dataDir, 'copy', path)).mode & 0o055).toBe(0o055);
  }
  expect(readdirSync(scratch.dataDir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});
