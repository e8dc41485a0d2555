import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import { VersionConflict } from '../../src/domain/errors.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { NOW, newSession, outcomes, ROOM, times } from '../contract/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type PostgresWire, tapPostgres } from '../support/postgres-wire.ts';

/** As many as share two statements, one of them in full. */
const CALLERS = 24;

describe('values of several sessions in one statement', () => {
  let database: TestDatabase;
  let wire: PostgresWire;
  let store: Store;
  let sessions: readonly [Session, Session, Session, ...Session[]];

  const put = (session: Session, json: string, expectedVersion?: number, key = 'k') =>
    store.sessions.storeValue(session, { key, json, expectedVersion, limits: ROOM }, NOW);
  const read = async (session: Session) => (await store.sessions.readValue(session, 'k', NOW))?.json;
  const sentBy = async (operation: () => Promise<unknown>): Promise<string[]> => {
    wire.executed.length = 0;
    await operation();
    return [...wire.executed];
  };

  beforeEach(async () => {
    database = await createTestDatabase();
    wire = await tapPostgres(database.url);
    store = postgresStore({ connectionString: wire.connectionString });
    sessions = times(CALLERS, () => newSession()) as unknown as typeof sessions;
    for (const session of sessions) {
      await store.sessions.create(session);
      await put(session, '"first"');
    }
  });
  afterEach(async () => {
    await store.close();
    await wire.close();
    await database.drop();
  });

  // Catches: an answer that reaches another caller, callers beyond the sixteenth that are forgotten, and a statement for
  // each.
  it('each reach the caller who asked', async () => {
    const many = (name: string) => [name, name];
    expect(
      await sentBy(async () => {
        await Promise.all(sessions.map((session, n) => put(session, String(n))));
      }),
    ).toEqual(many('mcp_overwrite_values'));
    expect(
      await sentBy(async () => {
        expect(await Promise.all(sessions.map(read))).toEqual(sessions.map((_, n) => String(n)));
      }),
    ).toEqual(many('mcp_read_values'));
  });

  // Catches: texts that are not quoted as elements of a list, and a null that becomes one.
  it('are kept to the byte', async () => {
    const texts = ['"\\"{},\\\\ NULL"', 'null', '"NULL"', '""', '" \u2028é𝄞\\u0000"', '[1, {"a":  2}]'];
    await Promise.all(texts.map((json, n) => put(sessions[n] as Session, json)));
    expect(await Promise.all(texts.map((_, n) => read(sessions[n] as Session)))).toEqual(texts);
  });

  // Catches: a large value in a list, which is escaped character by character: the sixteen largest there may be stop the
  // process for a third of a second.
  it('go alone where they are large, and hold up nobody', async () => {
    const [large, ...small] = sessions.slice(0, 3);
    const json = JSON.stringify('"'.repeat(1_100));
    const sent = await sentBy(async () => {
      expect(
        await Promise.all([put(large as Session, json), ...small.map((each) => put(each, '2'))]),
      ).toEqual([2, 2, 2]);
    });
    expect(sent.toSorted()).toEqual(['mcp_overwrite_value', 'mcp_overwrite_values']);
    expect(await read(large as Session)).toBe(json);
  });

  // Catches: one refusal, or one missing session, that is everybody's.
  it('are refused to one and stored for the others', async () => {
    const [gone, stale, fine] = sessions;
    await store.sessions.delete(gone.ref, NOW);
    const [late, conflict, stored] = await Promise.allSettled([
      put(gone, '1'),
      put(stale, '2', 7),
      put(fine, '3', 1),
    ]);
    expect(late).toMatchObject({ status: 'rejected', reason: { code: 'session_not_found' } });
    expect(conflict).toMatchObject({ reason: { code: 'version_conflict', currentVersion: 1 } });
    expect(stored).toMatchObject({ status: 'fulfilled', value: 2 });
    const read1 = await Promise.allSettled([read(gone), read(stale), read(fine)]);
    expect(read1).toMatchObject([
      { reason: { code: 'session_not_found' } },
      { value: '"first"' },
      { value: '3' },
    ]);
  });

  // Catches: an error of the database's over one value that all of the statement's callers get.
  it('fail alone', async () => {
    const [one, two, three] = sessions;
    const [broken, ...others] = await Promise.allSettled([
      put(one, 'no JSON'),
      put(two, '2'),
      put(three, '3'),
    ]);
    expect(broken).toMatchObject({ status: 'rejected' });
    expect(others).toMatchObject([{ value: 2 }, { value: 2 }]);
    expect(await Promise.all([one, two, three].map(read))).toEqual(['"first"', '2', '3']);
  });

  // Catches: a statement that is sent again although it may have been committed: what pg throws beside what the server
  // answers, such as an error of TLS, does not tell.
  it('are not written again where it is not known whether they were', async () => {
    const [one, two] = sessions;
    const send = pg.Client.prototype.query as (...parameters: unknown[]) => Promise<unknown>;
    const query = vi.spyOn(pg.Client.prototype, 'query');
    query.mockImplementationOnce(async function (this: pg.Client, ...parameters: unknown[]) {
      await send.apply(this, parameters);
      throw new Error('bad record mac');
    } as never);
    try {
      const { errors } = await outcomes([put(one, '2'), put(two, '2')]);
      expect(errors).toMatchObject([{ message: 'bad record mac' }, { message: 'bad record mac' }]);
    } finally {
      query.mockRestore();
    }
    expect(await Promise.all([put(one, '3'), put(two, '3')])).toEqual([3, 3]);
  });

  // Catches: a write that is answered although another one of the same turn took its place.
  it('that are of one key are each counted, and one of those that expect the same version wins', async () => {
    const [one] = sessions;
    const versions = await Promise.all(times(5, (n) => put(one, String(n))));
    expect(versions.toSorted()).toEqual([2, 3, 4, 5, 6]);
    expect(await read(one)).toBe(String(versions.indexOf(6)));
    const { values, errors } = await outcomes(times(5, (n) => put(one, `"${n}"`, 6)));
    expect(values).toEqual([7]);
    expect(errors).toHaveLength(4);
    for (const error of errors) expect(error).toMatchObject({ code: 'version_conflict', currentVersion: 7 });
  });

  // Catches: an expected version that is compared with the snapshot only, so that two racers of different instances are
  // both told that they won.
  it('are each acknowledged under a version of their own, whichever instances race', async () => {
    const stores = times(3, () => postgresStore({ connectionString: database.url }));
    // What they know to be there they overwrite together.
    for (const each of stores) {
      await Promise.all(sessions.map((session) => each.sessions.readValue(session, 'k', NOW)));
    }
    const raced = sessions.slice(0, 16);
    const acknowledged = new Map<string, string>();
    for (const round of times(20, (index) => index)) {
      const seen = await Promise.all(raced.map((session) => store.sessions.readValue(session, 'k', NOW)));
      const write = async (session: Session, index: number, each: Store, json: string): Promise<void> => {
        const expectedVersion = round % 2 === 0 ? seen[index]?.version : undefined;
        const given = { key: 'k', json, expectedVersion, limits: ROOM };
        const version = await each.sessions.storeValue(session, given, NOW);
        if (expectedVersion !== undefined) expect(version).toBe(expectedVersion + 1);
        expect(acknowledged.get(`${session.ref} ${version}`)).toBeUndefined();
        acknowledged.set(`${session.ref} ${version}`, json);
      };
      const { errors } = await outcomes(
        stores.flatMap((each, instance) =>
          raced.map((session, index) => write(session, index, each, `"${instance} ${round}"`)),
        ),
      );
      expect(errors.filter((error) => !(error instanceof VersionConflict))).toEqual([]);
    }

    const last = await Promise.all(raced.map((session) => store.sessions.readValue(session, 'k', NOW)));
    expect(last.map((value) => value?.json)).toEqual(
      raced.map(({ ref }, index) => acknowledged.get(`${ref} ${last[index]?.version}`)),
    );
    // None was skipped; the first one was there before.
    const versions = last.map((value) => value?.version ?? 0);
    expect(acknowledged.size).toBe(versions.reduce((sum, version) => sum + version - 1, 0));
    await Promise.all(stores.map((each) => each.close()));
  });

  // Catches: callers who wait for a lock on another session's value.
  it('wait for nobody’s lock but that of the value they write', async () => {
    const [blocked, ...others] = sessions;
    await database.client.query('begin');
    await database.client.query('select from mcp_session_values where session_ref = $1 for update', [
      blocked.ref,
    ]);
    const waiting = put(blocked, '"second"');
    expect(await Promise.all(others.map((session) => put(session, '2')))).toEqual(others.map(() => 2));
    expect(await Promise.all(sessions.map(read))).toEqual(['"first"', ...others.map(() => '2')]);
    await database.untilBlocked();
    await database.client.query('commit');
    expect(await waiting).toBe(2);
  });

  // Catches: callers that are never answered when the connection of their statement breaks.
  it('are unavailable together where their connection breaks, and the next ones have another', async () => {
    await database.client.query('begin');
    await database.client.query('lock table mcp_session_values in access exclusive mode');
    const stuck = Promise.allSettled([
      ...sessions.map(read),
      ...sessions.map((session) => put(session, '2')),
    ]);
    await database.untilBlocked(4);
    await database.client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'durable-mcp'`,
    );
    for (const outcome of await stuck) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } });
    }
    await database.client.query('rollback');
    expect(await Promise.all(sessions.map(read))).toEqual(sessions.map(() => '"first"'));
  });

  // Catches: a statement that stays prepared although that failed.
  it('are there once the tables are that they were asked without', async () => {
    const [one, two] = sessions;
    await database.client.query('alter table mcp_session_values rename to elsewhere');
    for (const outcome of await Promise.allSettled([read(one), read(two), put(one, '1'), put(two, '2')])) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_not_set_up' } });
    }
    await database.client.query('alter table elsewhere rename to mcp_session_values');
    expect(await Promise.all([read(one), read(two)])).toEqual(['"first"', '"first"']);
  });

  // Catches: a write that believes a key to hold a value which another instance has deleted.
  it('are as right where a key is not any more what this instance remembers', async () => {
    const elsewhere = postgresStore({ connectionString: database.url });
    const [one, two] = sessions;
    await elsewhere.sessions.deleteValue(one, { key: 'k' }, NOW);
    await elsewhere.close();
    const sent = await sentBy(async () => {
      expect(await Promise.all([put(one, '"again"'), put(two, '2')])).toEqual([2, 2]);
    });
    expect(sent).toEqual(['mcp_overwrite_values', 'mcp_store_value']);
  });

  // Catches: a session of many keys whose writes cost two statements, or the longer one, until each key was seen.
  it('are overwritten at once also under a key that this instance has not seen, in a session of such keys', async () => {
    const elsewhere = postgresStore({ connectionString: database.url });
    const [one] = sessions;
    for (const key of ['a', 'b', 'c', 'd']) {
      await elsewhere.sessions.storeValue(one, { key, json: '1', limits: ROOM }, NOW);
    }
    await elsewhere.close();
    const write = (key: string) => sentBy(() => put(one, '2', undefined, key));
    expect(await write('a')).toEqual(['mcp_store_value']);
    expect(await write('b')).toEqual(['mcp_overwrite_value']);
    expect(await write('c')).toEqual(['mcp_overwrite_value']);
    // The guess is wrong for a new key, and not made again for the next one.
    expect(await write('new')).toEqual(['mcp_overwrite_value', 'mcp_store_value']);
    expect(await write('newer')).toEqual(['mcp_store_value']);
    expect(await write('b')).toEqual(['mcp_overwrite_value']);
    expect(await write('d')).toEqual(['mcp_store_value']);
  });

  // Catches: a guess that is wrong each time: for a key that is to be empty, and after a write that was refused.
  it('are not tried in vain again and again', async () => {
    const elsewhere = postgresStore({ connectionString: database.url });
    const [one] = sessions;
    for (const key of ['a', 'b', 'lock']) {
      await elsewhere.sessions.storeValue(one, { key, json: '1', limits: ROOM }, NOW);
    }
    await elsewhere.close();
    const refused = (key: string, expectedVersion?: number, limits = ROOM) =>
      sentBy(async () => {
        const write = { key, json: '2', expectedVersion, limits };
        await expect(store.sessions.storeValue(one, write, NOW)).rejects.toThrow(key);
      });
    const twice = ['mcp_overwrite_value', 'mcp_store_value'];
    // From here on the instance expects values under keys that it has not seen.
    await put(one, '2', undefined, 'a');
    for (const key of ['k', 'lock']) expect(await refused(key, 0)).toEqual(['mcp_store_value']);
    expect(await refused('missing', 7)).toEqual(twice);
    expect(await refused('missing', 7)).toEqual(['mcp_store_value']);
    await put(one, '2', undefined, 'b');
    const full = { keys: 4, distinctKeys: 4 };
    expect(await refused('key', undefined, full)).toEqual(twice);
    expect(await refused('key', undefined, full)).toEqual(['mcp_store_value']);
  });
});
