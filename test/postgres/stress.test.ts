import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import { SessionNotFound } from '../../src/domain/errors.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { HOUR, NOW, newSession, outcomes, ROOM, times } from '../contract/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

/** The same pseudo-random numbers in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

describe('everything at once', () => {
  let database: TestDatabase;
  let stores: Store[];

  beforeAll(async () => {
    database = await createTestDatabase();
    stores = times(3, () => postgresStore({ connectionString: database.url, poolMax: 8 }));
  });
  afterAll(async () => {
    await Promise.all((stores ?? []).map((store) => store.close()));
    await database?.drop();
  });

  // Catches: rows locked in different orders (value before session in a deletion, touches in the order given,
  // events before their stream in the sweep), which PostgreSQL resolves by failing one after a second; and
  // counters that drift.
  it('ends without deadlock, without error, and with counters that are true', async () => {
    const next = random(1);
    const sessions = times(8, () => newSession());
    for (const session of sessions) await (stores[0] as Store).sessions.create(session);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
    const shuffled = (): Session[] => sessions.toSorted(() => next() - 0.5);

    const operation = (index: number): Promise<unknown> => {
      const { sessions: repository, events } = pick(stores);
      const session = pick(sessions);
      const key = `key-${Math.floor(next() * 4)}`;
      const append = { stream: `s${index % 2}`, data: ['1', '2'], expiresAt: NOW + 1 + (index % 3), keep: 3 };
      switch (Math.floor(next() * 8)) {
        case 0:
        case 1:
          return repository.storeValue(session, { key, json: '1', limits: ROOM }, NOW);
        case 2:
        case 3:
          return repository.deleteValue(session, { key }, NOW);
        case 4:
        case 5:
          return events.append(session, append, NOW);
        case 6:
          return repository.touch(
            shuffled().map(({ ref }) => ({ ref, lastSeenAt: NOW + index, expiresAt: NOW + HOUR + index })),
            NOW,
          );
        default:
          return index % 40 === 0
            ? repository.delete(session.ref, NOW)
            : repository.deleteExpired(NOW + 1 + (index % 2), 10);
      }
    };
    const errors: unknown[] = [];
    // In waves: an instance shares statements among those who overwrite what it knows to be there.
    for (const wave of times(10, (index) => index)) {
      errors.push(...(await outcomes(times(150, (index) => operation(wave * 150 + index)))).errors);
    }
    expect(errors.filter((error) => !(error instanceof SessionNotFound))).toEqual([]);

    const { rows } = await database.client.query(
      `select ref
         from mcp_sessions,
              lateral (
                select count(*) filter (where deleted_at is null) as live, count(*) as keys
                  from mcp_session_values
                 where session_ref = ref
              ) as counted
        where value_count <> live or key_count <> keys`,
    );
    expect(rows).toEqual([]);
    // A backend reports its statistics when it ends, at the latest.
    await Promise.all(stores.map((store) => store.close()));
    const statistics = await database.client.query(
      'select deadlocks::int from pg_stat_database where datname = current_database()',
    );
    expect(statistics.rows).toEqual([{ deadlocks: 0 }]);
  });
});
