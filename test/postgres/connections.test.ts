import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PostgresStoreOptions, postgresStore } from '../../src/adapters/postgres/store.ts';
import type { Session, SessionRef } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually, NOW, newSession, outcomes, ROOM, times } from '../contract/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startTcpProxy, through } from '../support/tcp-proxy.ts';

describe('connections', () => {
  let database: TestDatabase;
  let stores: Store[];

  beforeEach(async () => {
    stores = [];
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await database.drop();
  });

  const open = (options: Partial<PostgresStoreOptions> = {}): Store => {
    const store = postgresStore({ connectionString: database.url, ...options });
    stores.push(store);
    return store;
  };
  /** The server's side of the connections to this database, apart from the test's own. */
  const backends = async (application = ''): Promise<number[]> => {
    await database.client.query('select pg_stat_clear_snapshot()');
    const { rows } = await database.client.query<{ pid: number }>(
      `select pid from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and application_name like $1 || '%'`,
      [application],
    );
    return rows.map(({ pid }) => pid);
  };
  const terminate = async (pids: readonly number[]): Promise<void> => {
    await database.client.query('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [pids]);
  };

  /** Whoever looks for a session waits until the rollback. */
  const lockSessions = async (): Promise<void> => {
    await database.client.query('begin');
    await database.client.query('lock table mcp_sessions in access exclusive mode');
  };

  // Catches: a pool or a listener that is left open, which keeps a process from ending.
  it('are all gone when close resolves, and close may be called twice', async () => {
    const store = open();
    const session = newSession();
    await store.sessions.create(session);
    await outcomes(times(20, () => store.sessions.find(session.ref, NOW)));
    let listening = false;
    store.signals.watch({ ref: session.ref }, () => {
      listening = true;
    });
    await eventually(() => listening, 'LISTEN');
    expect((await backends()).length).toBeGreaterThan(2);
    const start = Date.now();
    await Promise.all([store.close(), store.close()]);
    // Not by the deadline after which sockets are cut, at 2 s.
    expect(Date.now() - start).toBeLessThan(1_800);
    await eventually(async () => (await backends()).length === 0, 'no backend is left', 1_000);
    await expect(store.sessions.find(session.ref, NOW)).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  it('are closed also while LISTEN is being set up', async () => {
    const store = open();
    store.signals.watch({ ref: newSession().ref }, () => {});
    await store.close();
    await eventually(async () => (await backends()).length === 0, 'no backend is left', 1_000);
  });

  // Catches: callers that are refused because the server has no room for one more connection, while those that there are
  // would serve them in a moment; and a pool that stays small for good.
  it('beyond what the server has room for are waited for', async () => {
    const role = `${database.name}_limited`;
    await database.client.query(`create role ${role} login password 'x' connection limit 3`);
    await database.client.query(`grant all on all tables in schema public to ${role}`);
    const url = new URL(database.url);
    [url.username, url.password] = [role, 'x'];
    const store = open({ connectionString: url.href });
    const session = newSession();
    try {
      await store.sessions.create(session);
      const look = () => outcomes(times(100, () => store.sessions.find(session.ref, NOW)));
      expect((await look()).errors).toEqual([]);
      expect((await backends()).length).toBeLessThanOrEqual(3);
      await database.client.query(`alter role ${role} connection limit -1`);
      await eventually(async () => {
        expect((await look()).errors).toEqual([]);
        return (await backends()).length > 3;
      }, 'more connections');
      await store.close();
    } finally {
      await database.client.query(`drop owned by ${role}; drop role ${role}`);
    }
  });

  // Catches: connections that stay, and fail with each statement that they have prepared before the types changed.
  it('whose prepared statements fit the tables no more are replaced', async () => {
    const store = open();
    const session = newSession();
    await store.sessions.create(session);
    const look = () => outcomes(times(5, () => store.sessions.find(session.ref, NOW)));
    await look();
    const before = await backends();
    await database.client.query('alter table mcp_sessions alter column protocol_version type varchar(100)');
    const { values, errors } = await look();
    expect(errors).toEqual([]);
    expect(values).toEqual(times(5, () => session));
    expect(await backends()).not.toEqual(expect.arrayContaining(before));
  });

  // Catches: an 'error' event without a listener, which ends the process, and a pool that keeps the dead.
  it('that were terminated while idle are replaced', async () => {
    const failures: unknown[] = [];
    const store = open({ onError: (error) => failures.push(error) });
    const session = newSession();
    await store.sessions.create(session);
    await outcomes(times(10, () => store.sessions.find(session.ref, NOW)));
    const pids = await backends();
    await terminate(pids);
    await eventually(() => failures.length === pids.length, 'every lost connection is reported');
    expect(await store.sessions.find(session.ref, NOW)).toEqual(session);
  });

  it('that are terminated under a statement fail it with StoreUnavailable, and the next one works', async () => {
    const store = open();
    const session = newSession();
    await store.sessions.create(session);
    await lockSessions();
    const found = store.sessions.find(session.ref, NOW).catch((error: unknown) => error);
    await database.untilBlocked();
    await terminate(await backends());
    expect(await found).toMatchObject({ code: 'store_unavailable', cause: { code: '57P01' } });
    await database.client.query('rollback');
    expect(await store.sessions.find(session.ref, NOW)).toEqual(session);
  });

  // Catches: an 'error' event on a connection in use, to which the pool does not listen: it ends the process.
  it('that the network resets under a statement fail it with StoreUnavailable', async () => {
    const session = newSession();
    await open().sessions.create(session);
    const proxy = await startTcpProxy(database.url);
    const store = open({ connectionString: through(proxy, database.url) });
    try {
      await lockSessions();
      const found = store.sessions.find(session.ref, NOW).catch((error: unknown) => error);
      await database.untilBlocked();
      proxy.cut();
      expect(await found).toMatchObject({ code: 'store_unavailable' });
      await database.client.query('rollback');
      expect(await store.sessions.find(session.ref, NOW)).toEqual(session);
    } finally {
      await proxy.close();
    }
  });

  // Catches: pool.query(), which throws its connection away on every error.
  it('survive an error that the server answered with', async () => {
    const store = open({ poolMax: 1 });
    const session = newSession();
    await store.sessions.create(session);
    const [pid] = await backends();
    await expect(
      store.sessions.storeValue(session, { key: 'x', json: 'no JSON', limits: ROOM }, NOW),
    ).rejects.toMatchObject({ code: '22P02' });
    expect(await store.sessions.readValue(session, 'x', NOW)).toBeUndefined();
    expect(await backends()).toEqual([pid]);
  });

  // Catches: a connection on which pg broke off in the midst of a statement, which fails all that come after it.
  it('do not survive an error that is not of the server', async () => {
    const store = open({ poolMax: 1 });
    const session = newSession();
    await store.sessions.create(session);
    const [pid] = await backends();
    const toPostgres = (): never => {
      throw new Error('no text');
    };
    await expect(store.sessions.find({ toPostgres } as unknown as SessionRef, NOW)).rejects.toThrow(
      'no text',
    );
    expect(await store.sessions.find(session.ref, NOW)).toEqual(session);
    expect(await backends()).not.toContain(pid);
  });

  it('to a database that turned read-only make writes StoreUnavailable', async () => {
    const session = newSession();
    await open().sessions.create(session);
    await database.client.query(`alter database ${database.name} set default_transaction_read_only = on`);
    const store = open();
    await expect(store.sessions.create(newSession())).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect(
      store.sessions.storeValue(session, { key: 'x', json: '1', limits: ROOM }, NOW),
    ).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await store.sessions.find(session.ref, NOW)).toEqual(session);
  });

  // Catches: connections that go on refusing writes, one caller each, after a failover.
  it('from when the database was read-only are all replaced once one of them has refused a write', async () => {
    const session = newSession();
    await open().sessions.create(session);
    const readOnly = `alter database ${database.name} set default_transaction_read_only`;
    await database.client.query(`${readOnly} = on`);
    const store = open({ poolMax: 4 });
    await outcomes(times(20, () => store.sessions.find(session.ref, NOW)));
    await database.client.query(`${readOnly} = off`);
    const put = () => store.sessions.storeValue(session, { key: 'x', json: '1', limits: ROOM }, NOW);
    await expect(put()).rejects.toMatchObject({ code: 'store_unavailable' });
    const { errors } = await outcomes(times(8, put));
    expect(errors).toEqual([]);
  });

  // Catches: 40001 handed to the caller, where an operator made serializable the default.
  it('of any isolation level keep racers apart', async () => {
    await database.client.query(
      `alter database ${database.name} set default_transaction_isolation = 'serializable'`,
    );
    const store = open();
    const session = newSession();
    await store.sessions.create(session);
    const { values, errors } = await outcomes(
      times(10, () => store.sessions.storeValue(session, { key: 'x', json: '1', limits: ROOM }, NOW)),
    );
    expect(errors).toEqual([]);
    expect(values.toSorted((a, b) => a - b)).toEqual(times(10, (index) => index + 1));
  });

  it.each([
    ['where nothing listens', 'postgres://127.0.0.1:1/none'],
    ['to an unknown host', 'postgres://host.invalid/none'],
    ['refused for their password', 'wrong password'],
  ])('%s are StoreUnavailable', async (_, address) => {
    const connectionString = address === 'wrong password' ? withWrongPassword(database.url) : address;
    const store = open({ connectionString });
    await expect(store.check()).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect(store.sessions.find(newSession().ref, NOW)).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.not.stringContaining('127.0.0.1'),
    });
  });

  it('to a database that does not exist are StoreNotSetUp', async () => {
    const url = new URL(database.url);
    url.pathname = '/durable_mcp_no_such_database';
    await expect(open({ connectionString: url.href }).check()).rejects.toMatchObject({
      code: 'store_not_set_up',
    });
  });

  // Catches: statements that wait for others on one connection of several, which a pooler cannot unblock.
  it('take one statement each through a pooler', async () => {
    const store = open({ poolMax: 2, preparedStatements: false });
    const [blocked, other] = [newSession(), newSession()];
    for (const session of [blocked, other]) await store.sessions.create(session);
    const put = () => store.sessions.storeValue(blocked, { key: 'x', json: '1', limits: ROOM }, NOW);
    await put();
    await database.client.query('begin');
    await database.client.query('update mcp_session_values set version = version');
    const overwritten = put();
    expect(await store.sessions.find(other.ref, NOW)).toEqual(other);
    await database.client.query('rollback');
    expect(await overwritten).toBe(2);
  });

  describe('when the store is closed while its only one waits for a lock', () => {
    let store: Store;
    let session: Session;
    let found: Promise<unknown>;
    let closed: Promise<void>;

    beforeEach(async () => {
      store = open({ poolMax: 1 });
      session = newSession();
      await store.sessions.create(session);
      await lockSessions();
      found = store.sessions.find(session.ref, NOW);
      await database.untilBlocked();
    });
    afterEach(async () => {
      await database.client.query('rollback');
      expect(await found).toEqual(session);
      await closed;
    });

    // Catches: new statements that keep a connection in use, and the store from closing.
    it('take nothing new', async () => {
      closed = store.close();
      await expect(store.sessions.find(session.ref, NOW)).rejects.toMatchObject({
        code: 'store_unavailable',
      });
    });

    // Catches: callers who are left to wait for a connection that the pool, once it is ending, gives nobody.
    it('are refused to those who wait for it', async () => {
      const waiting = outcomes(times(3, () => store.sessions.find(session.ref, NOW)));
      closed = store.close();
      const { errors } = await waiting;
      expect(errors).toHaveLength(3);
      for (const error of errors) {
        expect(error).toMatchObject({
          code: 'store_unavailable',
          cause: { message: 'the store is being closed' },
        });
      }
    });
  });

  // Catches: a first statement that is refused although it was asked for in time.
  it('that are being made when the store is closed are used, and ended', async () => {
    const store = open();
    const found = store.sessions.find(newSession().ref, NOW);
    await Promise.all([store.close(), found]);
    expect(await found).toBeUndefined();
    await eventually(async () => (await backends()).length === 0, 'no connection is left');
  });

  describe('to a server that accepts and never answers', () => {
    let silent: Server;
    const sockets: Socket[] = [];
    beforeEach(async () => {
      silent = createServer((socket) => sockets.push(socket.on('error', () => {}).resume()));
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    });
    afterEach(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => silent.close(resolve));
    });

    // Catches: a check bounded only by the connection's own timeout, and a close that waits for a goodbye.
    it('are given up by check and by close within about two seconds each', async () => {
      const { port } = silent.address() as AddressInfo;
      const store = open({ connectionString: `postgres://127.0.0.1:${port}/none` });
      store.signals.watch({ ref: newSession().ref }, () => {});
      let start = Date.now();
      await expect(store.check()).rejects.toMatchObject({ code: 'store_unavailable' });
      expect(Date.now() - start).toBeLessThan(4_000);
      const found = store.sessions.find(newSession().ref, NOW).catch((error: unknown) => error);
      start = Date.now();
      await store.close();
      // The attempt to connect would last 5 s.
      expect(Date.now() - start).toBeLessThan(4_000);
      expect(await found).toMatchObject({ code: 'store_unavailable' });
    });
  });

  describe('for signals', () => {
    const LISTENING = 'durable-mcp signals';

    // Catches: a listener that is not made again, and signals missed in between that nobody is told of.
    it('are made again when they are lost, and every watcher is called', async () => {
      const failures: unknown[] = [];
      const [store, other] = [open({ onError: (error) => failures.push(error) }), open()];
      const [one, two] = [newSession(), newSession()];
      const calls = { one: 0, two: 0 };
      store.signals.watch({ ref: one.ref, stream: 's' }, () => {
        calls.one += 1;
      });
      store.signals.watch({ ref: two.ref }, () => {
        calls.two += 1;
      });
      await eventually(() => calls.one > 0 && calls.two > 0, 'LISTEN');
      for (let round = 1; round <= 2; round += 1) {
        const before = { ...calls };
        const lost = await backends(LISTENING);
        expect(lost).toHaveLength(1);
        await terminate(lost);
        await eventually(() => calls.one > before.one && calls.two > before.two, 'both watchers are called');
        expect(await backends(LISTENING)).not.toEqual(lost);
      }
      expect(failures.length).toBeGreaterThanOrEqual(2);
      const before = calls.one;
      await other.signals.publish({ ref: one.ref, stream: 's' });
      await eventually(() => calls.one > before, 'a signal over the new connection');
    });

    // Catches: a listener that stays with a former primary, whose heartbeats are answered and where nothing is said any
    // more: all signals would be 30 s late until the instance is restarted.
    it('are made again once a write was refused for being read-only', async () => {
      const session = newSession();
      await open().sessions.create(session);
      const store = open();
      let calls = 0;
      store.signals.watch({ ref: session.ref, stream: 's' }, () => {
        calls += 1;
      });
      await eventually(() => calls > 0, 'LISTEN');
      const before = await backends(LISTENING);
      const readOnly = `alter database ${database.name} set default_transaction_read_only`;
      await database.client.query(`${readOnly} = on`);
      await expect(store.sessions.create(newSession())).rejects.toMatchObject({ code: 'store_unavailable' });
      await database.client.query(`${readOnly} = off`);
      calls = 0;
      await eventually(() => calls > 0, 'LISTEN anew');
      const after = await backends(LISTENING);
      expect(after).toHaveLength(1);
      expect(after).not.toEqual(before);
    });

    // Catches: a second call by the echo of one's own notification.
    it('call a watcher of the publishing instance once', async () => {
      const store = open();
      const [topic, after] = [newSession(), newSession()];
      let [calls, markers] = [0, 0];
      store.signals.watch({ ref: topic.ref }, () => {
        calls += 1;
      });
      store.signals.watch({ ref: after.ref }, () => {
        markers += 1;
      });
      await eventually(() => calls > 0, 'LISTEN');
      [calls, markers] = [0, 0];
      await store.signals.publish({ ref: topic.ref });
      await open().signals.publish({ ref: after.ref });
      await eventually(() => markers > 0, 'the notification behind it');
      expect(calls).toBe(1);
    });

    it('that cannot be made, and publishing in vain, are reported and not thrown', async () => {
      const failures: unknown[] = [];
      const store = open({
        connectionString: 'postgres://127.0.0.1:1/none',
        onError: (error) => failures.push(error),
      });
      let calls = 0;
      const { ref } = newSession();
      store.signals.watch({ ref }, () => {
        calls += 1;
      });
      await store.signals.publish({ ref });
      expect(calls).toBe(1);
      await eventually(() => failures.length >= 3, 'the attempt to publish and two to listen');
    });
  });
});

function withWrongPassword(connectionString: string): string {
  const url = new URL(connectionString);
  url.password = 'wrong';
  return url.href;
}
