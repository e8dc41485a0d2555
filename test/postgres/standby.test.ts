import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import type { Store } from '../../src/ports/store.ts';
import { NOW, newSession } from '../contract/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

describe('events', () => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await createTestDatabase();
    store = postgresStore({ connectionString: database.url });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await store.close();
    await database.drop();
  });

  // Catches: a reader for which everything that a standby does not have yet was lost.
  it('are not read from a standby', async () => {
    const session = newSession();
    await store.sessions.create(session);
    const read = () => store.events.read(session, { stream: 's', after: 0, limit: 1 }, NOW);
    expect(await read()).toEqual({ events: [], gap: undefined });
    const { query } = pg.Client.prototype;
    vi.spyOn(pg.Client.prototype, 'query').mockImplementation(async function (
      this: pg.Client,
      ...sent: unknown[]
    ) {
      const answer = (await Reflect.apply(query, this, sent)) as unknown as pg.QueryResult;
      return { ...answer, rows: answer.rows.map((row) => ({ ...row, isStandby: true })) };
    } as never);
    await expect(read()).rejects.toThrow(StoreUnavailable);
  });
});
