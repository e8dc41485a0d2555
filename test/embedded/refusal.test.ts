import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'vitest';
import { isAlive } from '../../src/app/embedded/process-alive.ts';
import { takeTurn } from '../../src/app/embedded/supervisor-lock.ts';
import { it, supervisorPid, until } from './scratch.ts';

// Catches: an obscure failure of PostgreSQL, or an empty cluster made over the old one.
it.concurrent('a cluster of another major version is named, with what to do', async ({ scratch }) => {
  const cluster = join(scratch.dataDir, 'postgres/cluster');
  mkdirSync(cluster, { recursive: true });
  writeFileSync(join(cluster, 'PG_VERSION'), '15\n');
  await expect(scratch.join({ kind: 'postgres' })).rejects.toThrow(
    /postgres\/cluster was made by PostgreSQL 15, but the embedded one is \d+.*delete the directory/,
  );
  const supervisor = supervisorPid(scratch.dataDir, 'postgres') ?? 0;
  await until('the supervisor gave up', () => !isAlive(supervisor), 2_000);
});

// Catches: a failed start that hangs until the deadline, or hides what PostgreSQL said.
it.concurrent('a start that fails shows the tail of the log', async ({ scratch }) => {
  const engine = await scratch.join({ kind: 'postgres' });
  await engine.leave();
  const supervisor = supervisorPid(scratch.dataDir, 'postgres') ?? 0;
  await until('it stopped', () => !isAlive(supervisor), 5_000);
  writeFileSync(join(scratch.dataDir, 'postgres/cluster/postgresql.conf'), 'no_such_setting = 1\n');
  await expect(scratch.join({ kind: 'postgres' })).rejects.toThrow(/no_such_setting/);
});

// Catches: a joiner that waits for ever, or takes a silent supervisor for a dead one and starts another.
it.concurrent('joining has a deadline', async ({ scratch }) => {
  const dir = join(scratch.dataDir, 'postgres');
  mkdirSync(dir);
  const silent = createServer(() => {});
  await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
  const { port } = silent.address() as AddressInfo;
  takeTurn(dir, 0, { pid: process.pid, port, token: 'token', proof: 'proof' });
  writeFileSync(join(dir, 'supervisor.log'), 'last words');
  const joining = scratch.join({ kind: 'postgres', timeoutMs: 3_500 });
  await expect(joining).rejects.toThrow(/not ready within 3.5 s.*last words/s);
  expect(supervisorPid(scratch.dataDir, 'postgres')).toBe(process.pid);
  silent.close();
});

// Catches: a start that hangs until the deadline, or a message that does not say where to look.
it.concurrent('LevelDB files that cannot be opened are reported', async ({ scratch }) => {
  const dir = join(scratch.dataDir, 'dynamodb');
  mkdirSync(dir);
  writeFileSync(join(dir, 'leveldb'), 'a file where a directory should be');
  await expect(scratch.join({ kind: 'dynamodb', timeoutMs: 10_000 })).rejects.toThrow(
    /cannot open its data in .*leveldb .*delete the directory/,
  );
});
