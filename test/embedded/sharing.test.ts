import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { isAlive } from '../../src/app/embedded/process-alive.ts';
import { read, write } from './rows.ts';
import { it, postmasterPid, supervisorPid, until } from './scratch.ts';

describe.concurrent.each(['postgres', 'dynamodb'] as const)('%s, shared by processes', (kind) => {
  // Catches: an engine that is the child of the first instance, or a first member whose end retires it.
  it('outlives the process that started it, and ends with the last', async ({ scratch }) => {
    const first = await scratch.member({ kind });
    const second = await scratch.member({ kind });
    expect([first.started, second.started]).toEqual([true, false]);
    expect(second.url).toBe(first.url);
    const pids = [
      supervisorPid(scratch.dataDir, kind),
      kind === 'postgres' ? postmasterPid(scratch.dataDir) : undefined,
    ];

    await first.kill();
    const forgetting = Date.now() + 1_000; // longer than the supervisor lingers
    await until('a while has passed', async () => {
      await write(kind, second.url, 'still here');
      expect(pids.every((pid) => pid === undefined || isAlive(pid))).toBe(true);
      return Date.now() > forgetting;
    });
    expect(await read(kind, second.url)).toBe('still here');

    await second.kill();
    await until('the engine has ended', () => pids.every((pid) => pid === undefined || !isAlive(pid)), 5_000);
    await expect(read(kind, second.url)).rejects.toThrow();
  });

  // Catches: a lock that two contenders can take, a reservation that is never released.
  it('is one engine for six that join at once', async ({ scratch }) => {
    const members = await Promise.all(Array.from({ length: 6 }, () => scratch.member({ kind })));
    expect(new Set(members.map(({ url }) => url)).size).toBe(1);
    expect(members.filter(({ started }) => started)).toHaveLength(1);
    await write(kind, members[0]?.url ?? '', 'shared');
    for (const { url } of members) expect(await read(kind, url)).toBe('shared');
    expect(existsSync(join(scratch.dataDir, kind, 'starting'))).toBe(false);
  });

  // Catches: a supervisor that stops although somebody joined while it lingered.
  it('goes on for those who join while it lingers', async ({ scratch }) => {
    const first = await scratch.join({ kind });
    await first.leave();
    await first.leave(); // idempotent
    const supervisor = supervisorPid(scratch.dataDir, kind) ?? 0;
    const second = await scratch.join({ kind });
    expect([second.started, second.url]).toEqual([false, first.url]);
    const lingered = Date.now() + 1_000;
    await until('it would have stopped', () => {
      expect(isAlive(supervisor)).toBe(true);
      return Date.now() > lingered;
    });
  });

  // Catches: a joiner that takes a stopping supervisor for a running one, or meets its engine's files and port.
  it('starts again for those who join while it stops', async ({ scratch }) => {
    const first = await scratch.join({ kind });
    await write(kind, first.url, 'before');
    const supervisor = supervisorPid(scratch.dataDir, kind) ?? 0;
    const log = join(scratch.dataDir, kind, 'supervisor.log');
    await first.leave();
    await until('it stops', () => readFileSync(log, 'utf8').includes('stopping'));
    const after = await scratch.join({ kind });
    expect(isAlive(supervisor)).toBe(false);
    expect(after.url).toBe(first.url);
    expect(await read(kind, after.url)).toBe('before');
  });
});

// Catches: a supervisor that takes the turn of a living one; ten instances started at once may start two.
it.concurrent('of several supervisors one remains', async ({ scratch }) => {
  const dir = join(scratch.dataDir, 'dynamodb');
  mkdirSync(dir);
  const entry = fileURLToPath(new URL('../../src/app/embedded/supervisor.ts', import.meta.url));
  const orders = JSON.stringify({ kind: 'dynamodb', dir, durable: false });
  const args = ['--import', 'tsx', entry, orders];
  const supervisors = Array.from({ length: 3 }, () => spawn(process.execPath, args, { stdio: 'ignore' }));
  const running = () => supervisors.filter(({ exitCode }) => exitCode === null);
  await until('the others withdrew', () => running().length === 1);
  const { started } = await scratch.join({ kind: 'dynamodb' });
  expect(started).toBe(false);
  expect(running().map(({ pid }) => pid)).toEqual([supervisorPid(scratch.dataDir, 'dynamodb')]);
});

// Catches: a supervisor in the process group of the first instance.
it.concurrent('Ctrl-C in the terminal of an instance does not reach the engine', async ({ scratch }) => {
  const first = await scratch.member({ kind: 'dynamodb' });
  const second = await scratch.member({ kind: 'dynamodb' });
  const supervisor = supervisorPid(scratch.dataDir, 'dynamodb');
  process.kill(-first.pid, 'SIGINT');
  await until('the instance ended', () => !isAlive(first.pid));
  await write('dynamodb', second.url, 'kept');
  expect(await read('dynamodb', second.url)).toBe('kept');
  expect(supervisorPid(scratch.dataDir, 'dynamodb')).toBe(supervisor);
});

// Catches: a membership socket or a timer that holds the event loop.
it.concurrent('a membership does not keep a process alive', async ({ scratch }) => {
  const module = new URL('../../src/app/embedded/engine.ts', import.meta.url).href;
  const script = `const { joinEngine } = await import(${JSON.stringify(module)});
    await joinEngine(${JSON.stringify({ kind: 'dynamodb', dataDir: scratch.dataDir })});`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    timeout: 15_000,
  });
  expect(await new Promise((done) => child.once('exit', done))).toBe(0);
});
