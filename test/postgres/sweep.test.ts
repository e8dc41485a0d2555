import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import { sweepRegularly } from '../../src/app/sweep.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually, HOUR, NOW, newSession } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const MINUTE = 60_000;

let database: TestDatabase;
let store: Store;
let session: Session;
const clock = new FakeClock(NOW);
let stopSweeping = (): void => {};

beforeEach(async () => {
  database = await createTestDatabase();
  store = postgresStore({ connectionString: database.url });
  session = newSession();
  await store.sessions.create(session);
});
afterEach(async () => {
  stopSweeping();
  await store.close();
  await database.drop();
});

const eventCount = async (): Promise<number> => {
  const { rows } = await database.client.query<{ count: number }>(
    'select count(*)::int as count from mcp_session_events',
  );
  return rows[0]?.count ?? 0;
};

// Catches: a sweep that goes on only for expired sessions, so that of the events of living ones it takes 500 a minute,
// however many expire; and one that leaves for a minute what was too much for it.
it('removes the expired events of a living session as fast as they come', async () => {
  await store.events.append(session, { stream: 's', data: ['1'], expiresAt: NOW + 1, keep: 10 }, NOW);
  await database.client.query(
    `insert into mcp_session_events
       select session_ref, stream, number, data, is_end, expires_at
         from mcp_session_events, generate_series(2, 11000) as number`,
  );
  await database.client.query('update mcp_session_streams set last_sequence = 11000');
  const failures: unknown[] = [];
  const onError = (error: unknown): void => void failures.push(error);
  stopSweeping = sweepRegularly({ sessions: store.sessions, clock, onError });
  await clock.advance(1.5 * MINUTE);
  await eventually(async () => (await eventCount()) <= 1_000, 'one sweep removes 10,000');
  await eventually(async () => {
    // Too little for another sweep of those that come once a minute.
    if (clock.now() < NOW + 1.9 * MINUTE) await clock.advance(1_500);
    return (await eventCount()) === 0;
  }, 'and the next one is not far');
  expect(failures).toEqual([]);
});

// Catches: an instance whose clock is ahead, which removes the sessions that others serve.
it.each([1, -1])('leaves all to others where this machine’s clock is wrong by %i h', async (hours) => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + hours * HOUR });
  try {
    const words = `${hours > 0 ? 'ahead of' : 'behind'} that of the database, at most 60 s are allowed`;
    await expect(store.check()).rejects.toThrow(words);
    await expect(store.sessions.deleteExpired(NOW + 9 * HOUR, 10)).rejects.toThrow(words);
  } finally {
    vi.useRealTimers();
  }
  expect(await store.sessions.find(session.ref, NOW)).toBeDefined();
  await store.check();
});
