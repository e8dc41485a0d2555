import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type PostgresStoreOptions, postgresStore } from '../../src/adapters/postgres/store.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually, NOW, newSession, times } from '../contract/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

/** What a store asked its database, and when. */
interface Query {
  readonly text?: string;
  readonly values?: readonly (readonly string[])[];
  readonly at: number;
}

/** A stream of another session, by which the passing of time is told. */
const CLOCK = 'clock';

describe.each<[string, Partial<PostgresStoreOptions>]>([
  ['with LISTEN', {}],
  ['without LISTEN', { listenConnectionString: false }],
])('signals that were lost, %s,', (_, options) => {
  let database: TestDatabase;
  let stores: Store[];
  let failures: unknown[];
  let store: Store;
  let other: Store;
  let session: Session;
  let queries: Query[];

  const open = (catchUpMs: number): Store => {
    const opened = postgresStore({
      ...{ connectionString: database.url, catchUpMs, ...options },
      onError: (error) => failures.push(error),
    });
    stores.push(opened);
    return opened;
  };
  /** The statements that looked at any stream, without those of the clock. */
  const looks = (): readonly Query[] =>
    queries.filter(({ text, values }) => text?.includes('unnest') && values?.[1]?.[0] !== CLOCK);
  /** Long enough for several looks: those of another instance, at the same pace, are the clock. */
  const aWhile = async (): Promise<void> => {
    const clock = open(100);
    const elsewhere = newSession();
    await clock.sessions.create(elsewhere);
    clock.signals.watch({ ref: elsewhere.ref, stream: CLOCK }, () => {});
    const before = queries.length;
    const ticks = () => queries.slice(before).filter(({ values }) => values?.[1]?.[0] === CLOCK);
    await eventually(() => ticks().length >= 4, 'four looks of another instance');
    await clock.close();
  };
  /** Appends, and tells nobody. */
  const append = () =>
    other.events.append(session, { stream: 's', data: ['1'], expiresAt: session.endsAt, keep: 9 }, NOW);
  /** How often a new watcher of the session's stream was called. */
  const watch = () => {
    const watcher = { calls: 0, inDoubt: [] as boolean[], unwatch: () => {} };
    watcher.unwatch = store.signals.watch({ ref: session.ref, stream: 's' }, (isInDoubt) => {
      watcher.calls += 1;
      watcher.inDoubt.push(isInDoubt);
    });
    return watcher;
  };

  beforeEach(async () => {
    [stores, failures] = [[], []];
    database = await createTestDatabase();
    [store, other] = [open(100), open(30_000)];
    session = newSession();
    await other.sessions.create(session);
    // The call of every watcher that comes with LISTEN is over before a test begins.
    let listening = options.listenConnectionString === false;
    store.signals.watch({ ref: session.ref }, () => {
      listening = true;
    });
    await eventually(() => listening, 'LISTEN');
    queries = [];
    const { query } = pg.Client.prototype;
    vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (this: pg.Client, ...sent: unknown[]) {
      queries.push({ ...(sent[0] as object), at: performance.now() });
      return Reflect.apply(query, this, sent);
    });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await Promise.all(stores.map((opened) => opened.close()));
    await database.drop();
  });

  // Catches: an event that waits for the next one, because the process that was to publish it is gone.
  it('are made up for, and then nobody is called again', async () => {
    await append();
    const watcher = watch();
    await eventually(() => watcher.calls === 1, 'the call of the first look');
    await aWhile();
    expect(watcher.calls).toBe(1);
    for (const expected of [2, 3]) {
      await append();
      await eventually(() => watcher.calls === expected, 'the call after an append');
    }
    await aWhile();
    expect(watcher.calls).toBe(3);
  });

  // Catches: a first look that only notes where the stream is.
  it('are made up for also where they were sent between `watch` and the first look', async () => {
    const [appended, deleted] = [watch(), { calls: 0 }];
    const going = newSession();
    await other.sessions.create(going);
    store.signals.watch({ ref: going.ref, stream: 's' }, () => {
      deleted.calls += 1;
    });
    await Promise.all([append(), other.sessions.delete(going.ref, NOW)]);
    await eventually(() => appended.calls === 1, 'the call after an append');
    await eventually(() => deleted.calls === 1, 'the call after a deletion');
  });

  it('leave the watcher of an empty stream alone', async () => {
    const watcher = watch();
    await eventually(() => looks().length >= 3, 'three looks');
    expect(watcher.calls).toBe(0);
  });

  it.each(['session', 'stream'])('are made up for where the %s vanished', async (what) => {
    await append();
    const watcher = watch();
    await eventually(() => watcher.calls === 1, 'the call of the first look');
    if (what === 'session') await other.sessions.delete(session.ref, NOW);
    else await database.client.query('delete from mcp_session_streams');
    await eventually(() => watcher.calls === 2, 'the call after the deletion');
    await aWhile();
    expect(watcher.calls).toBe(2);
  });

  // Catches: a stream that was set back and is looked at as if it had only changed, and doubt about each that has.
  it('are in doubt where a stream is shorter than before', async () => {
    await append();
    await append();
    const watcher = watch();
    await eventually(() => watcher.calls === 1, 'the call of the first look');
    await database.client.query('delete from mcp_session_events where sequence > 1');
    await database.client.query('update mcp_session_streams set last_sequence = 1');
    await eventually(() => watcher.calls === 2, 'the call after it was set back');
    await append();
    await eventually(() => watcher.calls === 3, 'the call after an append');
    expect(watcher.inDoubt).toEqual([false, true, false]);
  });

  // Catches: a stream that was set back and has grown again before anybody looked, unless LISTEN tells.
  it('are in doubt where another server answers', async () => {
    await append();
    const watcher = watch();
    await eventually(() => watcher.calls === 1, 'the call of the first look');
    const query = vi.mocked(pg.Client.prototype.query).getMockImplementation() as () => unknown;
    vi.mocked(pg.Client.prototype.query).mockImplementation(async function (
      this: pg.Client,
      ...sent: unknown[]
    ) {
      const answer = (await Reflect.apply(query, this, sent)) as pg.QueryResult;
      return { ...answer, rows: answer.rows.map((row) => ('server' in row ? { ...row, server: 'b' } : row)) };
    } as never);
    await eventually(() => watcher.calls === 2, 'the call after that');
    await aWhile();
    expect(watcher.inDoubt).toEqual([false, true]);
  });

  // Catches: a statement for each stream or for each watcher, and a pace that is not kept to.
  it('cost one statement for all streams together', async () => {
    const refs = times(20, (index) => `ref-${index}`) as unknown as Session['ref'][];
    for (const ref of refs) {
      for (const stream of ['s', 't', 't']) store.signals.watch({ ref, stream }, () => {});
    }
    await eventually(() => looks().length >= 4, 'four looks');
    for (const { values } of looks()) expect(values?.map(({ length }) => length)).toEqual([40, 40]);
    const [first, second] = looks().map(({ at }) => at) as [number, number];
    expect(second - first).toBeGreaterThan(95);
    expect(queries).toHaveLength(looks().length);
  });

  // Catches: looks on behalf of sessions, and looks that outlive the last watcher.
  it('cost nothing where no stream is watched', async () => {
    await aWhile();
    expect(looks()).toEqual([]);
    const watcher = watch();
    await eventually(() => looks().length > 0, 'a look');
    watcher.unwatch();
    await aWhile();
    const before = looks().length;
    await aWhile();
    expect(looks()).toHaveLength(before);
    watch();
    await eventually(() => looks().length > before, 'a look for the next watcher');
  });

  // Catches: a look that fails once and is never taken again, and a report for each one that fails.
  it('are looked for after an outage too, which is reported once', async () => {
    const watcher = watch();
    for (const outage of [1, 2]) {
      await database.client.query('alter table mcp_session_streams rename to away');
      await eventually(() => failures.length === outage, 'a report');
      const failed = looks().length;
      await eventually(() => looks().length >= failed + 3, 'three more that fail');
      expect(failures).toHaveLength(outage);
      await database.client.query('alter table away rename to mcp_session_streams');
      await append();
      await eventually(() => watcher.calls === outage, 'the call after the outage');
    }
  });
});
