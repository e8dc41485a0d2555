import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { EngineUnavailable } from '../../src/app/embedded/errors.ts';
import { chooseRunner, removeCopy } from '../../src/app/embedded/postgres/choose-runner.ts';
import { copyNative, installedNative } from '../../src/app/embedded/postgres/native.ts';
import { namespacesAllowed } from '../../src/app/embedded/postgres/run-as.ts';
import { isAlive } from '../../src/app/embedded/process-alive.ts';
import { query, read, write } from './rows.ts';
import { it, type Scratch, supervisorPid, until } from './scratch.ts';

const root = process.getuid?.() === 0;
const namespaces = root && namespacesAllowed();

/** The scratch directory is one that only root may enter: mkdtemp makes it so. */
async function useOnce(
  scratch: Scratch,
  runAs: 'unshare' | 'drop' | undefined,
  use: (url: string) => Promise<void>,
) {
  expect(statSync(scratch.dataDir).mode & 0o077).toBe(0);
  const engine = await scratch.join({ kind: 'postgres', ...(runAs && { runAs }) });
  const supervisor = supervisorPid(scratch.dataDir, 'postgres') ?? 0;
  await use(engine.url);
  await engine.leave();
  await until('it stopped', () => !isAlive(supervisor), 5_000);
}

describe.runIf(root)('as root, below a directory that only root may enter', () => {
  // Catches: a data path the dropped user must traverse; a checkpoint or reload that needs that path later.
  it.concurrent('PostgreSQL runs as a dropped user, and opens its data again', async ({ scratch }) => {
    await useOnce(scratch, 'drop', async (url) => {
      await write('postgres', url, 'kept');
      await query(url, 'checkpoint');
      await query(url, 'select pg_reload_conf()');
      expect(await query(url, 'show data_directory')).toEqual({ data_directory: '/proc/self/fd/3' });
    });
    expect(statSync(join(scratch.dataDir, 'postgres/cluster')).uid).not.toBe(0);
    await useOnce(scratch, 'drop', async (url) => expect(await read('postgres', url)).toBe('kept'));
  });

  // Catches: data that only the way it was made can open.
  it.runIf(namespaces)(
    'data made in one way opens in the other',
    { concurrent: true },
    async ({ scratch }) => {
      await useOnce(scratch, undefined, (url) => write('postgres', url, 'kept'));
      expect(statSync(join(scratch.dataDir, 'postgres/cluster')).uid).toBe(0);
      await useOnce(scratch, 'drop', async (url) => expect(await read('postgres', url)).toBe('kept'));
      await useOnce(scratch, 'unshare', async (url) => expect(await read('postgres', url)).toBe('kept'));
    },
  );

  // Catches: binaries that the dropped user cannot reach, and a copy of them that stays for ever.
  it.concurrent('binaries out of reach are copied for a dropped user, and the copy is removed', ({
    scratch,
  }) => {
    copyNative(installedNative(), join(scratch.dataDir, 'package'));
    const native = join(scratch.dataDir, 'package/native');
    const dir = join(scratch.dataDir, 'postgres');
    mkdirSync(dir);
    const runner = chooseRunner({ native, dir, runAs: 'drop', log: () => {} });
    try {
      expect(runner.native.startsWith(scratch.dataDir)).toBe(false);
      expect(existsSync(runner.native)).toBe(true);
      removeCopy(runner);
      expect(existsSync(join(runner.native, '..'))).toBe(false);
    } finally {
      if (runner.native !== native) rmSync(join(runner.native, '..'), { recursive: true, force: true });
    }
  });

  // Catches: a silent choice, or an error that leaves people without a way out.
  it.concurrent('when no way works, the error names what was tried and what to do', ({ scratch }) => {
    const native = join(scratch.dataDir, 'missing');
    const attempt = () =>
      chooseRunner({
        native,
        dir: scratch.dataDir,
        runAs: undefined,
        log: () => {},
      });
    expect(attempt).toThrow(EngineUnavailable);
    expect(attempt).toThrow(/user that is not root.*DATABASE_URL.*unshare.*drop/s);
  });
});
