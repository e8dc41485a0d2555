import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { NOW, newSession, ROOM } from '../contract/fixtures.ts';
import type { StoreHarness } from '../contract/harness.ts';
import { postgresHarness } from '../support/postgres.ts';

/**
 * Catches: a look before the write, `begin` and `commit` around a statement, a fetch of the session in front of
 * each call: all correct, and each twice the latency.
 */
describe.each([
  ['prepared', true],
  ['unnamed', false],
])('one round trip, %s', (_, preparedStatements) => {
  let harness: StoreHarness;
  let store: Store;
  let session: Session;

  beforeAll(async () => {
    harness = await postgresHarness({ preparedStatements })();
    store = await harness.open();
  });
  afterAll(() => harness?.close());
  beforeEach(async () => {
    session = newSession();
    await store.sessions.create(session);
    await put('present', '1');
  });

  const put = (key: string, json: string, expectedVersion?: number): Promise<number> =>
    store.sessions.storeValue(session, { key, json, expectedVersion, limits: ROOM }, NOW);
  const append = (data: string[]): Promise<number> =>
    store.events.append(session, { stream: 's', data, expiresAt: session.endsAt, keep: 2 }, NOW);

  const operations: [string, () => Promise<unknown>][] = [
    ['find', () => store.sessions.find(session.ref, NOW)],
    ['updateIfVersion', () => store.sessions.updateIfVersion(session.ref, 1, { logLevel: 'info' }, NOW)],
    ['storeValue of a new key', () => put('new', '1')],
    ['storeValue of a key that must not exist', () => put('new', '1', 0)],
    ['storeValue over a value', () => put('present', '2')],
    ['storeValue over a version', () => put('present', '2', 1)],
    ['readValue', () => store.sessions.readValue(session, 'present', NOW)],
    ['deleteValue', () => store.sessions.deleteValue(session, { key: 'present' }, NOW)],
    ['listValues', () => store.sessions.listValues(session, { prefix: '', limit: 10 }, NOW)],
    ['delete', () => store.sessions.delete(session.ref, NOW)],
    ['list', () => store.directory.list({ issuer: 'i', subject: 's' }, { limit: 10 }, NOW)],
    ['count', () => store.directory.count({ issuer: 'i', subject: 's' }, 10, NOW)],
    ['append to a new stream', () => append(['1'])],
    ['append that trims', () => append(['1', '2', '3', '4'])],
    ['read', () => store.events.read(session, { stream: 's', after: 0, limit: 10 }, NOW)],
    ['lastSequence', () => store.events.lastSequence(session, 's', NOW)],
    ['beat', () => store.instances.beat('0123456789abcdef', NOW)],
    ['beats', () => store.instances.beats('0123456789abcdef')],
    ['forget', () => store.instances.forget('0123456789abcdef')],
  ];
  it.each(operations)('%s', async (_name, operation) => {
    const query = vi.spyOn(pg.Client.prototype, 'query');
    try {
      await operation();
      expect(query).toHaveBeenCalledTimes(1);
      const [config] = query.mock.calls[0] as unknown as [{ name?: string; text: string }];
      expect(config.name !== undefined).toBe(preparedStatements);
      expect(config.text).not.toContain(';');
    } finally {
      query.mockRestore();
    }
  });

  // Catches: a value sent once for each place in the statement that uses it.
  it('sends a value once', async () => {
    const query = vi.spyOn(pg.Client.prototype, 'query');
    try {
      await put('new', '"the value"');
      const [{ values }] = query.mock.calls[0] as unknown as [{ values: unknown[] }];
      expect(values.filter((value) => value === '"the value"')).toHaveLength(1);
    } finally {
      query.mockRestore();
    }
  });
});
