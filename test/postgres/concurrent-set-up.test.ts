import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packagedMigrationFiles, packagedMigrations } from '../../src/adapters/postgres/journal.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { applyPending } from '../../src/adapters/postgres/pending-migrations.ts';
import { underSchemaLock } from '../../src/adapters/postgres/schema-lock.ts';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import { teardown } from '../../src/adapters/postgres/teardown.ts';
import { eventually, NOW, newSession, outcomes, times } from '../contract/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { CommandProcess } from '../support/process.ts';

describe('migrate and teardown', () => {
  let database: TestDatabase;
  let connectionString: string;

  beforeEach(async () => {
    database = await createTestDatabase('empty');
    connectionString = database.url;
  });
  afterEach(() => database.drop());

  const count = async (query: string): Promise<number> => (await database.client.query(query)).rowCount ?? 0;
  const tables = (): Promise<number> =>
    count(`select from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`);
  const setUps = (): Promise<number> =>
    count(`select from pg_stat_activity where datname = current_database() and application_name ~ 'setup$'`);
  const check = async (): Promise<void> => {
    const store = postgresStore({ connectionString });
    await store.check().finally(() => store.close());
  };

  // Catches: a teardown that removes what a migration is just making, after which the journal says that it is there; one
  // that sees, once it has the lock, what was there before it waited, as the database's default has it here.
  it('of ten each at once all succeed, and each leaves everything or nothing', async () => {
    await database.client.query(
      `alter database ${database.name} set default_transaction_isolation = 'serializable'`,
    );
    const { errors } = await outcomes(
      times(20, (index): Promise<unknown> => (index % 2 ? migrate : teardown)({ connectionString })),
    );
    expect(errors).toEqual([]);
    const left = await tables();
    if (left > 0) await check();
    expect((await migrate({ connectionString })).applied).toHaveLength(
      left > 0 ? 0 : (await packagedMigrations()).length,
    );
    await check();
  });

  // Catches: migrations that are committed one by one, and a lock that outlives the process that held it.
  it('a migration that is killed leaves nothing, not even its lock', async () => {
    // The second migration has to wait for this name.
    await database.client.query('begin; create table mcp_instances (id int)');
    const killed = new CommandProcess('setup.ts', ['--store', 'postgres'], {
      DATABASE_URL: connectionString,
    });
    await database.untilBlocked();
    expect(await killed.kill('SIGKILL')).toBeNull();
    await database.client.query('rollback');
    await eventually(async () => (await setUps()) === 0, 'its connection has ended');
    expect(await tables()).toBe(0);
    expect(await count(`select from pg_locks where locktype = 'advisory'`)).toBe(0);
    expect((await migrate({ connectionString })).applied).toHaveLength((await packagedMigrations()).length);
  });

  // Catches: the limit that docs/storage.md has operators set for callers' statements, which ends a migration that waits
  // for another or builds an index.
  it('a migration may take longer than statements of its role', async () => {
    await database.client.query(`alter database ${database.name} set statement_timeout = '250ms'`);
    // Of PostgreSQL 17 and later: of all statements of a transaction together.
    const { rows } = await database.client.query(
      `select from pg_settings where name = 'transaction_timeout'`,
    );
    if (rows.length > 0) {
      await database.client.query(`alter database ${database.name} set transaction_timeout = '250ms'`);
    }
    await database.client.query('begin; create table mcp_instances (id int)');
    const migrating = migrate({ connectionString });
    const waitsLonger = `select from pg_stat_activity where datname = current_database()
      and wait_event_type = 'Lock' and clock_timestamp() - query_start > interval '400ms'`;
    await eventually(async () => {
      await database.client.query('select pg_stat_clear_snapshot()');
      return (await count(waitsLonger)) === 1;
    }, 'it has waited for longer');
    await database.client.query('rollback');
    expect((await migrating).applied).toHaveLength((await packagedMigrations()).length);
  });

  // Catches: locks that are held for hours, by the connection of a machine that lost its power.
  it('a migration of which nothing is heard any more loses its locks', async () => {
    const silent = underSchemaLock(
      connectionString,
      async (client) => {
        await client.query('create table half_done ()');
        await eventually(async () => (await setUps()) === 0, 'its connection was ended');
      },
      { silenceMs: 100 },
    );
    await expect(silent).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await tables()).toBe(0);
  });

  // Catches: a change of a table that waits for one long transaction, and makes every caller wait behind it until
  // their statements time out.
  it('a migration that waits for a long transaction lets the callers through', async () => {
    const migrations = await packagedMigrationFiles();
    await applyPending(database.client, migrations.slice(0, 2));
    await database.client.query('begin; select from mcp_sessions');
    const migrating = migrate({ connectionString });
    await database.untilBlocked();
    const reader = new pg.Client(connectionString);
    await reader.connect();
    await reader.query(`set statement_timeout = '8s'`);
    await reader.query('select from mcp_sessions');
    await reader.end();
    await database.client.query('commit');
    expect((await migrating).applied).toEqual(migrations.slice(2).map(({ tag }) => tag));
  });

  // Catches: a deadlock with callers, whose statements lock the same tables in another order, that ends the teardown.
  it('a teardown under load succeeds, and what was called fails in words', async () => {
    await migrate({ connectionString });
    const store = postgresStore({ connectionString });
    let stopped = false;
    const errors = new Set<unknown>();
    const callers = times(4, async () => {
      while (!stopped) {
        try {
          const session = newSession();
          await store.sessions.create(session);
          const event = { stream: 's', data: ['1'], expiresAt: session.endsAt, keep: 10 };
          await store.events.append(session, event, NOW);
          await store.sessions.delete(session.ref, NOW);
        } catch (error) {
          errors.add((error as { readonly code?: string }).code ?? error);
        }
      }
    });
    for (let round = 0; round < 5; round += 1) {
      await teardown({ connectionString });
      await expect(store.check()).rejects.toMatchObject({ code: 'store_not_set_up' });
      await migrate({ connectionString });
      // Catches: prepared statements that remember the tables that were dropped.
      await store.check();
    }
    stopped = true;
    await Promise.all(callers);
    // Between the teardown and the migration a session's table may be new while the session is of the old one.
    expect([...errors].filter((code) => code !== 'store_not_set_up' && code !== 'session_not_found')).toEqual(
      [],
    );
    const session = newSession();
    await store.sessions.create(session);
    expect(await store.sessions.find(session.ref, NOW)).toMatchObject({ ref: session.ref });
    await store.close();
  });
});
