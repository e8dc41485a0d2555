import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { isAlive } from '../../src/app/embedded/process-alive.ts';
import { query, read, write } from './rows.ts';
import { it, postmasterPid, supervisorPid, until } from './scratch.ts';

function killAll(pids: (number | undefined)[]): Promise<void> {
  for (const pid of pids) if (pid) process.kill(pid, 'SIGKILL');
  return until('all were killed', () => pids.every((pid) => !pid || !isAlive(pid)));
}

describe.concurrent.each(['postgres', 'dynamodb'] as const)('%s, after kill -9', (kind) => {
  // Catches: a stale lock, postmaster.pid, LevelDB lock or state file that keeps the next start out.
  it('of everything, opens again with what was written', async ({ scratch }) => {
    const member = await scratch.member({ kind });
    await write(kind, member.url, 'kept');
    await killAll([
      member.pid,
      supervisorPid(scratch.dataDir, kind),
      kind === 'postgres' ? postmasterPid(scratch.dataDir) : undefined,
    ]);

    const again = await scratch.join({ kind });
    expect(await read(kind, again.url)).toBe('kept');
    expect(again.started).toBe(true);
    await again.leave();
  });

  // Catches: members that do not notice, a successor on another port, a last-member rule lost on the way.
  it('of the supervisor, members keep a URL that works', async ({ scratch }) => {
    const members = [await scratch.member({ kind }), await scratch.member({ kind })];
    const url = members[0]?.url ?? '';
    await write(kind, url, 'kept');
    const postmaster = kind === 'postgres' ? postmasterPid(scratch.dataDir) : undefined;
    const killed = supervisorPid(scratch.dataDir, kind);

    await killAll([killed]);
    await until('a successor answers', async () => {
      const next = supervisorPid(scratch.dataDir, kind);
      return next !== killed && (await read(kind, url)) === 'kept';
    });
    if (postmaster) expect(postmasterPid(scratch.dataDir)).toBe(postmaster); // adopted, not restarted

    // The successor counts the same members: one may go, the last one may not.
    const successor = supervisorPid(scratch.dataDir, kind) ?? 0;
    const third = await scratch.join({ kind });
    expect([third.url, third.started]).toEqual([url, false]);
    await third.leave();
    await members[0]?.kill();
    await write(kind, url, 'later');
    expect(isAlive(successor)).toBe(true);
    await members[1]?.kill();
    await until('the successor ended', () => !isAlive(successor), 5_000);
    await until('the engine ended', () => !postmaster || !isAlive(postmaster), 1_000);
  });
});

// Catches: a server that runs on for ever after all node processes were killed.
it.concurrent('a PostgreSQL without supervisor and members ends by itself', async ({ scratch }) => {
  const member = await scratch.member({ kind: 'postgres' });
  const postmaster = postmasterPid(scratch.dataDir) ?? 0;
  await killAll([member.pid, supervisorPid(scratch.dataDir, 'postgres')]);
  expect(isAlive(postmaster)).toBe(true);
  await until('PostgreSQL ended', () => !isAlive(postmaster), 6_000);
});

// Catches: a supervisor that announces an engine and never looks after it again.
it.concurrent('a killed PostgreSQL comes back at the same URL', async ({ scratch }) => {
  const { url, leave } = await scratch.join({ kind: 'postgres' });
  await write('postgres', url, 'kept');
  await killAll([postmasterPid(scratch.dataDir)]);
  await until('it answers again', async () => (await read('postgres', url)) === 'kept');
  await leave();
});

// Catches: liveness by pid alone, in our lock and in PostgreSQL's; a port trusted because somebody answers.
it.concurrent('pids and ports in stale files may belong to strangers by now', async ({ scratch }) => {
  const dir = join(scratch.dataDir, 'postgres');
  const member = await scratch.member({ kind: 'postgres' });
  await write('postgres', member.url, 'kept');
  await killAll([member.pid, supervisorPid(scratch.dataDir, 'postgres'), postmasterPid(scratch.dataDir)]);

  const lie = {
    proof: 'guess',
    state: 'ready',
    pid: process.pid,
    url: 'postgres://stranger',
    adopted: false,
  };
  const stranger = createServer((socket) => socket.on('error', () => {}).end(`${JSON.stringify(lie)}\n`));
  await new Promise<void>((done) => stranger.listen(0, '127.0.0.1', done));
  try {
    const { port } = stranger.address() as { port: number };
    const turn = join(dir, readdirSync(dir).find((name) => /^supervisor-\d+\.json$/.test(name)) ?? '');
    writeFileSync(
      turn,
      JSON.stringify({ ...JSON.parse(readFileSync(turn, 'utf8')), pid: process.pid, port }),
    );
    const pidFile = join(dir, 'cluster/postmaster.pid');
    writeFileSync(pidFile, readFileSync(pidFile, 'utf8').replace(/^\d+/, String(process.pid)));

    const again = await scratch.join({ kind: 'postgres' });
    expect(await read('postgres', again.url)).toBe('kept');
    await again.leave();
  } finally {
    stranger.close();
  }
});

// Catches: an emulator that falls over a client which was killed in the middle of a request.
it.concurrent('dynalite survives a request that breaks off', async ({ scratch }) => {
  const { url, leave } = await scratch.join({ kind: 'dynamodb' });
  const supervisor = supervisorPid(scratch.dataDir, 'dynamodb');
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await new Promise<void>((done) => socket.once('connect', done));
  socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"half":');
  await new Promise<void>((done) => socket.once('close', () => done()).resetAndDestroy());
  await write('dynamodb', url, 'kept');
  expect(await read('dynamodb', url)).toBe('kept');
  expect(supervisorPid(scratch.dataDir, 'dynamodb')).toBe(supervisor);
  await leave();
});

// Catches: a superuser anybody on this machine may be.
it.concurrent('PostgreSQL asks for the password, and listens on loopback only', async ({ scratch }) => {
  const { url, leave } = await scratch.join({ kind: 'postgres' });
  const wrong = new URL(url);
  wrong.password = 'guess';
  await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password authentication failed/);
  expect(await query(url, "select current_setting('listen_addresses') as at")).toEqual({ at: '127.0.0.1' });
  expect(await query(url, "select current_setting('unix_socket_directories') as at")).toEqual({ at: '' });
  expect(await query(url, "select current_setting('max_connections') as n")).toEqual({ n: '200' });
  await leave();
});
