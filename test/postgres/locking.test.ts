import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import { SessionNotFound } from '../../src/domain/errors.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { HOUR, NOW, newSession, outcomes, ROOM, times } from '../contract/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

/** What only shows when a transaction is held open at the right place. */
describe('locking', () => {
  let database: TestDatabase;
  let store: Store;
  let session: Session;

  beforeAll(async () => {
    database = await createTestDatabase();
    store = postgresStore({ connectionString: database.url });
  });
  afterAll(async () => {
    await store?.close();
    await database?.drop();
  });
  beforeEach(async () => {
    session = newSession();
    await store.sessions.create(session);
  });

  const sql = (text: string, values: unknown[] = []) => database.client.query(text, values);
  const put = (key: string, expectedVersion?: number): Promise<number> =>
    store.sessions.storeValue(session, { key, json: '1', expectedVersion, limits: ROOM }, NOW);
  const append = (data: string[], keep = 100, expiresAt = session.endsAt): Promise<number> =>
    store.events.append(session, { stream: 's', data, expiresAt, keep }, NOW);
  const insertValue = () =>
    sql(
      `with counted as (update mcp_sessions set value_count = value_count + 1, key_count = key_count + 1 where ref = $1)
       insert into mcp_session_values (session_ref, key, value, version, updated_at) values ($1, 'x', '0', 1, now())`,
      [session.ref],
    );
  const counts = async () => {
    const { rows } = await sql(
      `select value_count, key_count,
              (select count(*)::int from mcp_session_values where session_ref = ref and deleted_at is null) as live,
              (select count(*)::int from mcp_session_values where session_ref = ref) as keys
         from mcp_sessions where ref = $1`,
      [session.ref],
    );
    return rows[0];
  };

  // Catches: a count that is raised although the key turned out to be there (`on conflict do update set
  // version = version + 1`), and a creator that does not look again.
  it('a creator that meets a key made after its snapshot overwrites it, and counts it once', async () => {
    await sql('begin');
    await insertValue();
    const stored = put('x');
    await database.untilBlocked();
    await sql('commit');
    expect(await stored).toBe(2);
    expect(await counts()).toEqual({ value_count: 1, key_count: 1, live: 1, keys: 1 });
  });

  // Catches: a conflict reported from the statement's old snapshot, as version 0.
  it('a creator that must be the first learns the version that another made after its snapshot', async () => {
    await sql('begin');
    await insertValue();
    const stored = put('x', 0).catch((error: unknown) => error);
    await database.untilBlocked();
    await sql('commit');
    expect(await stored).toMatchObject({ code: 'version_conflict', currentVersion: 1 });
    expect(await counts()).toEqual({ value_count: 1, key_count: 1, live: 1, keys: 1 });
  });

  // Catches: a revival that is counted beyond the keys there are, before it finds the key alive (23514).
  it('a writer that meets a key revived after its snapshot overwrites it, and counts it once', async () => {
    await put('x');
    await store.sessions.deleteValue(session, { key: 'x' }, NOW);
    await sql('begin');
    await sql('update mcp_sessions set value_count = value_count + 1 where ref = $1', [session.ref]);
    await sql(
      `update mcp_session_values set value = '0', deleted_at = null, version = version + 1
        where session_ref = $1`,
      [session.ref],
    );
    const stored = put('x');
    await database.untilBlocked();
    await sql('commit');
    expect(await stored).toBe(3);
    expect(await counts()).toEqual({ value_count: 1, key_count: 1, live: 1, keys: 1 });
  });

  // Catches: a deletion that takes the value first, and then deadlocks with a creator, who holds the session.
  it('a deletion takes no lock on the value before that on the session', async () => {
    await put('x');
    await sql('begin');
    await sql('update mcp_sessions set value_count = value_count where ref = $1', [session.ref]);
    const deleted = store.sessions.deleteValue(session, { key: 'x' }, NOW);
    await database.untilBlocked();
    await sql('select from mcp_session_values where session_ref = $1 for update nowait', [session.ref]);
    await sql('commit');
    expect(await deleted).toBe(true);
  });

  // Catches: touches in the order given, or in that of a hash, by two instances at once.
  it('a touch takes its locks in the order of the references', async () => {
    const touched = times(40, () => newSession());
    for (const each of touched) await store.sessions.create(each);
    const refs = touched.map(({ ref }) => ref).toSorted();
    await sql('begin');
    await sql('select from mcp_sessions where ref = $1 for update', [refs[0]]);
    const done = store.sessions.touch(
      refs.toReversed().map((ref) => ({ ref, lastSeenAt: NOW + 1, expiresAt: session.endsAt })),
      NOW,
    );
    await database.untilBlocked();
    const { rows } = await sql('select from mcp_sessions where ref = any ($1) for update skip locked', [
      refs,
    ]);
    await sql('commit');
    await done;
    expect(rows).toHaveLength(refs.length);
  });

  it('a writer that waited for a deletion of its session finds the session gone', async () => {
    await put('x');
    await append(['1']);
    await sql('begin');
    await sql('delete from mcp_sessions where ref = $1', [session.ref]);
    const writes = [
      put('x'),
      put('new'),
      append(['2']),
      store.sessions.deleteValue(session, { key: 'x' }, NOW),
    ];
    const settled = outcomes<unknown>(writes);
    await database.untilBlocked();
    await sql('commit');
    const { values, errors } = await settled;
    expect(values).toEqual([]);
    for (const error of errors) expect(error).toBeInstanceOf(SessionNotFound);
  });

  it('a first append that waited for a deletion of its session finds the session gone', async () => {
    await sql('begin');
    await sql('delete from mcp_sessions where ref = $1', [session.ref]);
    const appended = append(['1']).catch((error: unknown) => error);
    await database.untilBlocked();
    await sql('commit');
    expect(await appended).toBeInstanceOf(SessionNotFound);
  });

  // Catches: sequences given out before the commit, and a number chosen from a snapshot: while it slept, the
  // others appended and trimmed that very number.
  it('an appender waits for one that has not committed, and comes after all that committed before it', async () => {
    await append(['1']);
    await sql('begin');
    await sql('update mcp_session_streams set last_sequence = 5 where session_ref = $1', [session.ref]);
    await sql('delete from mcp_session_events where session_ref = $1', [session.ref]);
    await sql(
      `insert into mcp_session_events (session_ref, stream, sequence, data, is_end, expires_at)
       values ($1, 's', 5, '5', false, now() + interval '10 years')`,
      [session.ref],
    );
    const appended = append(['6']);
    await database.untilBlocked();
    await sql('commit');
    expect(await appended).toBe(6);
    const { events, gap } = await store.events.read(session, { stream: 's', after: 1, limit: 9 }, NOW);
    expect(events.map(({ sequence }) => sequence)).toEqual([5, 6]);
    expect(gap).toEqual({ from: 2, to: 4 });
  });

  // Catches: a cursor beyond the column's type (22003), as a client may make one up.
  it('a reader may ask for what comes after any sequence', async () => {
    await append(['1']);
    const query = { stream: 's', after: Number.MAX_SAFE_INTEGER, limit: 9 };
    expect(await store.events.read(session, query, NOW)).toEqual({ events: [], gap: undefined });
  });

  describe('the sweep', () => {
    const AT = NOW + 2 * HOUR;
    const removed = async (limit: number): Promise<number> =>
      (await store.sessions.deleteExpired(AT, limit)).sessions;

    // Catches: a delete without `for update skip locked`, which removes a session that was touched meanwhile.
    it('passes over a session that is just being touched, and over one that was', async () => {
      await sql('begin');
      await sql(`update mcp_sessions set expires_at = ends_at where ref = $1`, [session.ref]);
      await store.sessions.deleteExpired(AT, 1_000);
      await sql('commit');
      await store.sessions.deleteExpired(AT, 1_000);
      expect(await store.sessions.find(session.ref, AT)).toBeDefined();
    });

    // Catches: every instance sweeping at once.
    it('does nothing while another instance sweeps', async () => {
      await sql('begin');
      await sql('select pg_advisory_xact_lock(7283400001)');
      expect(await removed(1_000)).toBe(0);
      await sql('commit');
      expect(await removed(1_000)).toBeGreaterThan(0);
    });

    it('keeps to its limit', async () => {
      for (const expired of times(5, () => newSession())) await store.sessions.create(expired);
      await store.sessions.deleteExpired(AT, 1_000);
      for (const expired of times(5, () => newSession())) await store.sessions.create(expired);
      expect(await removed(2)).toBe(2);
      expect(await removed(1_000)).toBe(3);
    });

    // Catches: a delete without `for update skip locked`, which waits for a beat or removes what just beat.
    it('passes over an instance that is just beating, and over one that did', async () => {
      await store.instances.beat('0123456789abcdef', NOW);
      await sql('begin');
      await sql('update mcp_instances set seen_at = $1', [new Date(AT)]);
      await store.sessions.deleteExpired(AT, 1_000);
      await sql('commit');
      await store.sessions.deleteExpired(AT, 1_000);
      expect(await store.instances.beats('0123456789abcdef')).toBe(1);
    });

    // Catches: expired events of a living session that stay for its 30 days, and heads without events.
    it('removes expired events of living sessions, and the stream with the last of them', async () => {
      await store.sessions.touch([{ ref: session.ref, lastSeenAt: NOW, expiresAt: session.endsAt }], NOW);
      const rows = async (): Promise<[number, number]> => {
        const { rows: found } = await sql(
          `select (select count(*)::int from mcp_session_streams where session_ref = $1) as streams,
                  (select count(*)::int from mcp_session_events where session_ref = $1) as events`,
          [session.ref],
        );
        return [found[0].streams, found[0].events];
      };
      await append(['1', '2'], 100, NOW + 1_000);
      await append(['3'], 100, NOW + HOUR);
      await store.sessions.deleteExpired(NOW + 1_000, 1_000);
      expect(await rows()).toEqual([1, 1]);
      expect(await append(['4'], 100, NOW + HOUR)).toBe(4);
      await store.sessions.deleteExpired(NOW + HOUR, 1_000);
      expect(await rows()).toEqual([0, 0]);
      expect(await append(['1'])).toBe(1);
    });

    // Catches: a head removed by what the snapshot knew of it, and with it, by the cascade, a new event.
    it('leaves a stream to which an appender is just adding', async () => {
      await store.sessions.touch([{ ref: session.ref, lastSeenAt: NOW, expiresAt: session.endsAt }], NOW);
      await append(['1'], 100, NOW + 1_000);
      await sql('begin');
      await sql('update mcp_session_streams set last_sequence = 2 where session_ref = $1', [session.ref]);
      await sql(
        `insert into mcp_session_events (session_ref, stream, sequence, data, is_end, expires_at)
         select ref, 's', 2, '2', false, ends_at from mcp_sessions where ref = $1`,
        [session.ref],
      );
      await store.sessions.deleteExpired(NOW + 1_000, 1_000);
      await sql('commit');
      await store.sessions.deleteExpired(NOW + 1_000, 1_000);
      expect(await store.events.lastSequence(session, 's', NOW + 1_000)).toBe(2);
    });
  });
});
