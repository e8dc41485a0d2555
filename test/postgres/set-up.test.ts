import { getTableName } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packagedMigrations } from '../../src/adapters/postgres/journal.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { tables } from '../../src/adapters/postgres/schema.ts';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import { teardown } from '../../src/adapters/postgres/teardown.ts';
import type { SessionRef } from '../../src/domain/session.ts';
import { newSession, outcomes, times } from '../contract/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { databaseUrl } from '../support/postgres-global-setup.ts';

describe('migrate, teardown and check', () => {
  let database: TestDatabase;
  let connectionString: string;
  const own = [...tables.map(getTableName), 'durable_mcp_migrations'].toSorted();

  beforeEach(async () => {
    database = await createTestDatabase('empty');
    connectionString = database.url;
  });
  afterEach(() => database.drop());

  /** Every relation outside the system's schemas, sequences and indexes too. */
  const relations = async (): Promise<string[]> => {
    const { rows } = await database.client.query<{ name: string }>(
      `select relnamespace::regnamespace || '.' || relname as name
         from pg_class
        where relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
        order by 1`,
    );
    return rows.map(({ name }) => name);
  };
  const check = async (): Promise<void> => {
    const store = postgresStore({ connectionString });
    await store.check().finally(() => store.close());
  };

  // Catches: migrating without the lock, where all but one of several that start together fail.
  it('10 concurrent migrations of an empty database all succeed, and one applies', async () => {
    const { values, errors } = await outcomes(times(10, () => migrate({ connectionString })));
    expect(errors).toEqual([]);
    const tags = (await packagedMigrations()).map(({ tag }) => tag);
    expect(values.flatMap(({ applied }) => applied)).toEqual(tags);
    const { rows } = await database.client.query('select * from durable_mcp_migrations');
    expect(rows).toHaveLength(tags.length);
    await check();
  });

  it('a second migration applies nothing', async () => {
    await migrate({ connectionString });
    expect(await migrate({ connectionString })).toEqual({ applied: [] });
  });

  // Catches: a new column that must be given, without which instances of an older version could open no session
  // while a deploy rolls.
  it('leaves a schema on which the first version’s sessions can be opened, and are served', async () => {
    await migrate({ connectionString });
    await database.client.query(
      `insert into mcp_sessions (
         ref, principal_issuer, principal_subject, initialize, protocol_version, log_level, subscriptions,
         created_at, last_seen_at, expires_at, ends_at, version, value_count, key_count
       )
       values ('ref', 'issuer', 'subject', '{}', '2025-11-25', null, '[]', now(), now(), now() + interval '1 h',
               now() + interval '1 d', 1, 0, 0)`,
    );
    const store = postgresStore({ connectionString });
    const principal = { issuer: 'issuer', subject: 'subject' };
    const found = await store.sessions.find('ref' as SessionRef, Date.now());
    expect(found).toMatchObject({ principal, idleMs: undefined });
    expect(await store.directory.list(principal, { limit: 1 }, Date.now())).toMatchObject({
      sessions: [found],
    });
    await store.close();
  });

  // Catches: a teardown by `drop schema`, and drizzle's own journal, which other applications use.
  it('teardown removes all that migrate made, and nothing else', async () => {
    await database.client.query(`
      create schema drizzle;
      create table drizzle.__drizzle_migrations (id serial primary key, hash text, created_at bigint);
      create table mcp_session_notes (id serial primary key);
      create table app_sessions (id serial primary key);`);
    const before = await relations();
    await migrate({ connectionString });
    const store = postgresStore({ connectionString });
    await store.sessions.create(newSession());
    await store.close();

    const { dropped } = await teardown({ connectionString });
    expect(dropped.toSorted()).toEqual(own);
    expect(await relations()).toEqual(before);
    expect(await teardown({ connectionString })).toEqual({ dropped: [] });
    await expect(check()).rejects.toMatchObject({ code: 'store_not_set_up' });

    expect((await migrate({ connectionString })).applied).not.toEqual([]);
    await check();
  });

  // Catches: a teardown that stops at the first table that is missing.
  it('teardown finishes what was begun', async () => {
    await migrate({ connectionString });
    await database.client.query('drop table mcp_session_values, durable_mcp_migrations');
    const { dropped } = await teardown({ connectionString });
    expect(dropped).toHaveLength(own.length - 2);
    expect(await relations()).toEqual([]);
  });

  // Catches: `drop … cascade`, which would take along what others built on these tables.
  it('teardown stops, and changes nothing, where something foreign depends on a table', async () => {
    await migrate({ connectionString });
    await database.client.query('create view active as select ref from mcp_sessions');
    const before = await relations();
    await expect(teardown({ connectionString })).rejects.toMatchObject({ code: '2BP01' });
    expect(await relations()).toEqual(before);
  });

  describe('check', () => {
    it('names the command on an empty database', async () => {
      await expect(check()).rejects.toMatchObject({
        code: 'store_not_set_up',
        message: expect.stringContaining('npm run migrate'),
      });
    });

    // Catches: a check that only looks whether tables are there.
    it('names the migration that an older database lacks', async () => {
      await migrate({ connectionString });
      await database.client.query('update durable_mcp_migrations set created_at = created_at - 1');
      const latest = (await packagedMigrations()).at(-1)?.tag ?? '';
      await expect(check()).rejects.toMatchObject({
        code: 'store_not_set_up',
        message: expect.stringContaining(latest),
      });
    });

    // Catches: `=` for `>=`: while a deploy rolls, the old version's instances would turn unready.
    it('accepts a database that is ahead', async () => {
      await migrate({ connectionString });
      await database.client.query(
        `insert into durable_mcp_migrations (hash, created_at) values ('later', ${Date.UTC(2100, 0)})`,
      );
      await check();
      expect(await migrate({ connectionString })).toEqual({ applied: [] });
    });

    // Catches: a check that only reads, and has a balancer send requests to where nothing can be written.
    it('refuses a database that may only be read', async () => {
      await migrate({ connectionString });
      await database.client.query(`alter database ${database.name} set default_transaction_read_only = on`);
      await expect(check()).rejects.toMatchObject({ code: 'store_unavailable' });
    });

    // Catches: a server that sends its operator to `npm run migrate` again and again, which has nothing left to do.
    it('says where the tables are that a role does not find', async () => {
      await migrate({ connectionString });
      await database.client.query(`alter database ${database.name} set search_path = elsewhere`);
      await expect(check()).rejects.toThrow(/in the schema public, .* search_path/);
    });

    // Catches: a server that starts, and then fails with all that is not written in Latin letters.
    it('refuses a database whose encoding lacks characters', async () => {
      const { client, name } = database;
      const other = `${name}_latin1`;
      await client.query(`create database ${other} template template0 encoding 'LATIN1' locale 'C'`);
      try {
        connectionString = databaseUrl(database.url, other);
        await migrate({ connectionString });
        await expect(check()).rejects.toThrow(/encoding LATIN1.*--encoding=UTF8/);
      } finally {
        await client.query(`drop database ${other} with (force)`);
      }
    });

    // Catches: a check of the journal alone, after a table was dropped by hand.
    it('names a table that is missing', async () => {
      await migrate({ connectionString });
      await database.client.query('drop table mcp_session_values');
      await expect(check()).rejects.toMatchObject({
        code: 'store_not_set_up',
        message: expect.stringContaining('mcp_session_values'),
      });
    });
  });
});
