import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../src/adapters/postgres/database.ts';
import { packagedMigrations } from '../../src/adapters/postgres/journal.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { Sockets } from '../../src/adapters/postgres/sockets.ts';
import { statement, textParameter } from '../../src/adapters/postgres/statement.ts';
import { type PostgresStoreOptions, postgresStore } from '../../src/adapters/postgres/store.ts';
import { teardown } from '../../src/adapters/postgres/teardown.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually, NOW, newSession, outcomes, ROOM, times } from '../contract/fixtures.ts';
import { signalsContract } from '../contract/signals.suite.ts';
import { storeContract } from '../contract/store.suite.ts';
import {
  type Pgbouncer,
  pgbouncerMissing,
  preparedStatementsMissing,
  startPgbouncer,
} from '../support/pgbouncer.ts';
import { createTestDatabase, postgresHarness, type TestDatabase } from '../support/postgres.ts';
import { unlessMissing } from '../support/unless-missing.ts';

// What all stores promise is tested behind PgBouncer by test/contract/postgres-pooler-mode.test.ts, without LISTEN.
unlessMissing(pgbouncerMissing, 'behind PgBouncer', () => {
  describe('signals behind PgBouncer, with a direct connection that listens', () => {
    signalsContract(postgresHarness({ preparedStatements: false, through: startPgbouncer }));
  });
  describe('behind PgBouncer', () => behindPgbouncer());
});
unlessMissing(preparedStatementsMissing, 'behind PgBouncer, with prepared statements', () => {
  storeContract(
    'postgres behind PgBouncer, with prepared statements,',
    postgresHarness({ through: (url) => startPgbouncer(url, { maxPreparedStatements: 100 }) }),
  );
});

function behindPgbouncer(): void {
  let database: TestDatabase;
  let pooler: Pgbouncer;
  let stores: Store[];

  beforeEach(async () => {
    stores = [];
    database = await createTestDatabase('empty');
    pooler = await startPgbouncer(database.url);
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await pooler.stop();
    await database.drop();
  });

  const open = (options: Partial<PostgresStoreOptions>): Store => {
    const store = postgresStore({ connectionString: pooler.url, preparedStatements: false, ...options });
    stores.push(store);
    return store;
  };

  // Catches: a lock of the connection, which through a pooler is one that somebody else has a moment later: then
  // several migrate at once, and the lock stays with the pooler's connection for ever.
  it('ten migrate at once, and one applies; teardown and migrate go on from there', async () => {
    const connectionString = pooler.url;
    const tags = (await packagedMigrations()).map(({ tag }) => tag);
    const { values, errors } = await outcomes(times(10, () => migrate({ connectionString })));
    expect(errors).toEqual([]);
    expect(values.flatMap(({ applied }) => applied)).toEqual(tags);
    expect((await teardown({ connectionString })).dropped).not.toEqual([]);
    expect((await migrate({ connectionString: database.url })).applied).toEqual(tags);
    const { rows } = await database.client.query(`select from pg_locks where locktype = 'advisory'`);
    expect(rows).toEqual([]);
  });

  // Catches: settings of the migration that stay behind on the pooler's connection, for statements of others.
  it('a migration leaves the connections that others use as they were', async () => {
    const settings = statement<{ readonly name: string }, { readonly value: string }>(
      'settings',
      // A parameter, as every statement has some.
      sql`select current_setting(${textParameter('name')}) as value`,
    );
    const sockets = new Sockets();
    const options = { poolMax: 3, preparedStatements: false, sockets, onError: () => {} };
    const through = new Database({ connectionString: pooler.url, ...options });
    const direct = new Database({ connectionString: database.url, ...options });
    await migrate({ connectionString: pooler.url });
    for (const name of ['search_path', 'lock_timeout']) {
      const expected = await direct.run(settings, { name });
      const found = await Promise.all(times(9, () => through.run(settings, { name })));
      expect(found).toEqual(times(9, () => expected));
    }
    await Promise.all([through.close(), direct.close()]);
  });

  // Catches: LISTEN through the pooler, which succeeds and hears nothing, while sessions are cached as if it did.
  it('the check asks for a way to listen, and takes a direct one or none', async () => {
    await migrate({ connectionString: pooler.url });
    await expect(open({}).check()).rejects.toThrow(/pooler.*DATABASE_LISTEN_URL/);
    await open({ listenConnectionString: database.url }).check();
    await open({ listenConnectionString: false }).check();
    // Directly nothing has to be said.
    await open({ connectionString: database.url }).check();
  });

  // Catches: a check that takes every pooler for one in transaction mode, whatever it is told.
  it('in session mode, prepared statements and LISTEN lead through it where that is said', async () => {
    await migrate({ connectionString: database.url });
    const session = await startPgbouncer(database.url, { poolMode: 'session', poolSize: 10 });
    const way = { connectionString: session.url, listenConnectionString: session.url };
    const [store, other] = [1, 2].map(() => open({ ...way, preparedStatements: true })) as [Store, Store];
    await store.check();
    let told = 0;
    const { ref } = newSession();
    store.signals.watch({ ref, stream: 's' }, () => {
      told += 1;
    });
    // LISTEN itself calls once, and a notification after that.
    await eventually(() => told > 0, 'LISTEN');
    await other.signals.publish({ ref, stream: 's' });
    await eventually(() => told > 1, 'the signal of the other');
    await Promise.all([store.close(), other.close()]);
    await session.stop();
  });

  // Catches: an error without a word of what to do, where prepared statements were left on.
  it('that keeps no prepared statements, and a store that wants some, fail with the reason', async () => {
    const store = open({ preparedStatements: true, listenConnectionString: false });
    await expect(store.check()).rejects.toMatchObject({
      code: 'store_unavailable',
      cause: { message: expect.stringContaining('unsupported startup parameter: statement_timeout') },
    });
  });

  // Catches: `statement_timeout` as a startup parameter only, which the pooler refuses: then nothing bounds a
  // statement in the database.
  it('a statement that is stuck ends by the timeout of the database, or of its user', async () => {
    await migrate({ connectionString: database.url });
    // It holds for connections that begin later, the pooler's first one among them.
    await database.client.query(`alter database ${database.name} set statement_timeout = '250ms'`);
    const store = open({ listenConnectionString: false });
    const session = newSession();
    await store.sessions.create(session);
    await database.client.query('begin');
    await database.client.query('select from mcp_sessions for update');
    const stuck = store.sessions.storeValue(session, { key: 'k', json: '1', limits: ROOM }, NOW);
    await expect(stuck).rejects.toMatchObject({ code: 'store_unavailable', cause: { code: '57014' } });
    await database.client.query('rollback');
    expect(await store.sessions.find(session.ref, NOW)).toMatchObject({ ref: session.ref });
  });

  // Catches: a statement that its caller gave up, and that writes all the same, whenever it is no longer stuck.
  it('a statement without an answer is cancelled, and writes nothing later', async () => {
    await database.client.query('create table notes (text text); insert into notes values ($$before$$)');
    const write = statement<{ readonly text: string }, never>(
      'write',
      sql`update notes set text = ${textParameter('text')}`,
    );
    const sockets = new Sockets();
    const impatient = new Database({
      connectionString: pooler.url,
      poolMax: 1,
      preparedStatements: false,
      answerTimeoutMs: 200,
      sockets,
      onError: () => {},
    });
    await database.client.query('begin');
    await database.client.query('update notes set text = $$meanwhile$$');
    await expect(impatient.run(write, { text: 'late' })).rejects.toMatchObject({ code: 'store_unavailable' });
    await eventually(async () => (await database.blocked()) === 0, 'the statement is cancelled');
    await database.client.query('commit');
    expect((await database.client.query('select text from notes')).rows).toEqual([{ text: 'meanwhile' }]);
    // On the same pool, whose only connection was given up.
    await impatient.run(write, { text: 'after' });
    expect((await database.client.query('select text from notes')).rows).toEqual([{ text: 'after' }]);
    await impatient.close();
  });
}
