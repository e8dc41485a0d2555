import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually, NOW, newSession, ROOM, times } from '../contract/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

describe('statements that share a connection', () => {
  let database: TestDatabase;
  let store: Store;
  let sessions: readonly Session[];

  const open = (poolMax: number): void => {
    store = postgresStore({ connectionString: database.url, poolMax });
  };
  const put = (session: Session, json: string) =>
    store.sessions.storeValue(session, { key: 'k', json, limits: ROOM }, NOW);
  const read = async (session: Session) => (await store.sessions.readValue(session, 'k', NOW))?.json;
  const backends = async (): Promise<number[]> => {
    await database.client.query('select pg_stat_clear_snapshot()');
    const { rows } = await database.client.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and application_name = 'durable-mcp'`,
    );
    return rows.map(({ pid }) => pid);
  };
  const lockValueOf = async ({ ref }: Session): Promise<void> => {
    await database.client.query('begin');
    await database.client.query('select from mcp_session_values where session_ref = $1 for update', [ref]);
  };

  beforeEach(async () => {
    database = await createTestDatabase();
    open(4);
    sessions = times(24, () => newSession());
    for (const session of sessions) {
      await store.sessions.create(session);
      await put(session, '"first"');
    }
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  // Catches: an answer that reaches another caller, and a connection for each statement.
  it('have their own answers, and few connections', async () => {
    await store.close();
    open(20);
    await Promise.all(sessions.map(read));
    await Promise.all(sessions.map((session, n) => put(session, String(n))));
    expect(await Promise.all(sessions.map(read))).toEqual(sessions.map((_, n) => String(n)));
    // Eight at a time on each; some more where the machine was slow to answer.
    expect((await backends()).length).toBeLessThan(12);
  });

  // Catches: an error that ends those behind it as well, or that is taken for one of the connection.
  it('fail alone', async () => {
    await store.close();
    open(1);
    const [one, two, three] = sessions as [Session, Session, Session];
    await Promise.all([one, two, three].map(read));
    const before = await backends();
    const [broken, ...others] = await Promise.allSettled([
      put(one, 'no JSON'),
      put(two, '2'),
      read(three),
      read(one),
    ]);
    expect(broken).toMatchObject({ status: 'rejected' });
    expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(await read(two)).toBe('2');
    expect(await read(one)).toBe('"first"');
    expect(await backends()).toEqual(before);
  });

  // Catches: callers that are never answered, and a connection that is given out again although it is dead.
  it('are unavailable together when it breaks, and the next ones have another', async () => {
    await store.close();
    open(1);
    const [blocked, other] = sessions as [Session, Session];
    await read(blocked);
    await lockValueOf(blocked);
    const stuck = Promise.allSettled([put(blocked, '1'), read(other), read(blocked), put(other, '3')]);
    await database.untilBlocked();
    await database.client.query('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [
      await backends(),
    ]);
    for (const outcome of await stuck) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } });
    }
    await database.client.query('rollback');
    expect(await read(blocked)).toBe('"first"');
    expect(await put(other, '4')).toBe(2);
  });

  // Catches: callers that wait behind somebody else's lock while there are other connections.
  it('are sent elsewhere while one of them waits for a lock', async () => {
    const [blocked, ...others] = sessions as [Session, ...Session[]];
    await lockValueOf(blocked);
    const waiting = put(blocked, '"second"');
    await database.untilBlocked();
    const blockedAt = performance.now();
    // Those of the first moments are sent behind it: nobody can know yet.
    await eventually(() => performance.now() - blockedAt > 40, 'it is seen to wait');
    expect(await Promise.all(others.map(read))).toEqual(others.map(() => '"first"'));
    await database.client.query('commit');
    expect(await waiting).toBe(2);
  });

  // Catches: a name that a connection takes for prepared although that failed.
  it('work once the tables are there that they were prepared without', async () => {
    await store.close();
    open(1);
    const [one] = sessions as [Session];
    await database.client.query('alter table mcp_session_values rename to elsewhere');
    for (const outcome of await Promise.allSettled([read(one), read(one), read(one)])) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_not_set_up' } });
    }
    await database.client.query('alter table elsewhere rename to mcp_session_values');
    expect(await Promise.all([read(one), read(one)])).toEqual(['"first"', '"first"']);
  });

  // Catches: a write that believes a key to hold a value which another instance has deleted.
  it('are as right where a key is not any more what this instance remembers', async () => {
    const elsewhere = postgresStore({ connectionString: database.url });
    const [one] = sessions as [Session];
    await elsewhere.sessions.deleteValue(one, { key: 'k' }, NOW);
    expect(await put(one, '"again"')).toBe(2);
    await elsewhere.sessions.delete(one.ref, NOW);
    await expect(put(one, '"late"')).rejects.toMatchObject({ code: 'session_not_found' });
    await elsewhere.close();
  });
});
