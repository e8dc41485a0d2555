import { type NativeAttributeValue, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { openTables } from '../../src/adapters/dynamodb/entities.ts';
import { StreamEnded } from '../../src/domain/errors.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { HOUR, NOW, newSession, ROOM } from '../contract/fixtures.ts';
import type { DynamodbFixture } from '../support/dynamodb.ts';
import { intercept } from '../support/dynamodb-requests.ts';
import { onDynamodb } from '../support/dynamodb-tests.ts';

type Item = Record<string, NativeAttributeValue>;

describe('the items in the tables', () => {
  let fixture: DynamodbFixture;

  onDynamodb((given) => {
    fixture = given;
  });

  const openSession = async (overrides: Partial<Session> = {}): Promise<Session> => {
    const session = newSession(overrides);
    await fixture.store.sessions.create(session);
    return session;
  };
  /** All items of a session as they lie in the engine, in its order. */
  const itemsOf = async ({ ref }: { readonly ref: string }): Promise<Item[]> => {
    const { client, sessionsTable, eventsTable } = openTables(fixture.client, fixture.tableName);
    const pages = await Promise.all(
      [sessionsTable, eventsTable].map((TableName) =>
        client.send(
          new QueryCommand({
            TableName,
            KeyConditionExpression: 'pk = :pk',
            ExpressionAttributeValues: { ':pk': ref },
            ConsistentRead: true,
          }),
        ),
      ),
    );
    return pages.flatMap(({ Items = [] }) => Items);
  };
  const ttlOf = (items: Item[], prefix: string): unknown[] =>
    items.filter(({ sk }) => String(sk).startsWith(prefix)).map(({ ttl }) => ttl);

  // Catches: milliseconds (DynamoDB ignores a TTL millennia ahead), and rounding down, which lets DynamoDB
  // remove what has up to a second to live.
  it('each carry when DynamoDB may remove them, in seconds, rounded up', async () => {
    const session = await openSession({ expiresAt: NOW + 1_001, endsAt: NOW + HOUR + 1 });
    const { sessions, events } = fixture.store;
    await sessions.storeValue(session, { key: 'k', json: '1', limits: ROOM }, NOW);
    const append = (data: string) =>
      events.append(session, { stream: 's', data: [data], expiresAt: NOW + 5_500, keep: 9 }, NOW);
    await append('1');
    await append(JSON.stringify('x'.repeat(500_000)));
    const items = await itemsOf(session);
    expect(ttlOf(items, 'session')).toEqual([NOW / 1_000 + 2]);
    expect(ttlOf(items, 'value#')).toEqual([(NOW + HOUR) / 1_000 + 1]);
    expect(ttlOf(items, 'event#')).toEqual([NOW / 1_000 + 6, NOW / 1_000 + 6]);
    expect(ttlOf(items, 'part#')).toEqual([NOW / 1_000 + 6, NOW / 1_000 + 6]);
    expect(items).toHaveLength(6);
    for (const { ttl } of items) expect(Number.isInteger(ttl)).toBe(true);
  });

  // Catches: a session that is used and that DynamoDB removes all the same, an hour after it was opened.
  it('slide with the session’s use: the session itself, and nothing else', async () => {
    const session = await openSession();
    const { sessions } = fixture.store;
    await sessions.storeValue(session, { key: 'k', json: '1', limits: ROOM }, NOW);
    await sessions.touch([{ ref: session.ref, lastSeenAt: NOW + 1, expiresAt: NOW + 2 * HOUR + 1 }], NOW);
    const slid = await itemsOf(session);
    expect(ttlOf(slid, 'session')).toEqual([(NOW + 2 * HOUR) / 1_000 + 1]);
    // One time forward, one back: then they are written one by one.
    await sessions.touch([{ ref: session.ref, lastSeenAt: NOW, expiresAt: NOW + 3 * HOUR }], NOW);
    expect(ttlOf(await itemsOf(session), 'session')).toEqual([(NOW + 3 * HOUR) / 1_000]);
    await sessions.storeValue(session, { key: 'k', json: '2', limits: ROOM }, NOW);
    await sessions.deleteValue(session, { key: 'k' }, NOW);
    await sessions.storeValue(session, { key: 'k', json: '3', limits: ROOM }, NOW);
    expect(ttlOf(await itemsOf(session), 'value#')).toEqual([session.endsAt / 1_000]);
  });

  // Catches: the record of an instance that works on for days, removed an hour after its first beat.
  it('of an instance lies among the sessions, and slides with each beat', async () => {
    const { instances } = fixture.store;
    await instances.beat('00FFaa0123456789', NOW);
    await instances.beat('00FFaa0123456789', NOW + 1);
    expect(await itemsOf({ ref: 'instance#00FFaa0123456789' })).toEqual([
      expect.objectContaining({ sk: 'instance', beats: 2, ttl: (NOW + HOUR) / 1_000 + 1 }),
    ]);
  });

  // Catches: a session that lives on past its absolute end by being used.
  it('never slide past the session’s end', async () => {
    const session = await openSession();
    const past = { ref: session.ref, lastSeenAt: NOW + 1, expiresAt: session.endsAt + 1 };
    await fixture.store.sessions.touch([past], NOW);
    expect(await fixture.store.sessions.find(session.ref, NOW)).toEqual({ ...session, lastSeenAt: NOW + 1 });
  });

  // Catches: ElectroDB's lower casing of keys, and characters that its key templates take for their own.
  it('lie in the byte order of the user’s keys, which are kept as they are', async () => {
    const session = await openSession();
    const keys = [
      ...['b', 'B', 'a#b', 'a', '$a', '$', '{ref}', '#', ' ', ' a', ':', '__', 'value#a', 'session'],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a key that looks like ElectroDB's placeholders
      ...['${ref}', '${key}', '\u00e9', 'e\u0301', '\uff61', '\u{1f600}', '\u00c4'],
    ];
    for (const key of keys) {
      await fixture.store.sessions.storeValue(session, { key, json: '1', limits: ROOM }, NOW);
    }
    const stored = (await itemsOf(session)).map(({ sk }) => String(sk)).filter((sk) => sk !== 'session');
    expect(stored).toEqual(
      keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map((key) => `value#${key}`),
    );
  });

  // Catches: a mark that still holds the deleted value, and a dump that shows it.
  it('hold nothing of a deleted value', async () => {
    const session = await openSession();
    await fixture.store.sessions.storeValue(session, { key: 'k', json: '"secret"', limits: ROOM }, NOW);
    await fixture.store.sessions.deleteValue(session, { key: 'k' }, NOW);
    expect(JSON.stringify(await itemsOf(session))).not.toContain('secret');
  });

  // Catches: parts without a record, left to their TTL for weeks though they are known to be useless.
  it('hold no parts of an event that came too late', async () => {
    const session = await openSession();
    const append = (data: string, end: boolean, { events }: Store) =>
      events.append(session, { stream: 's', data: [data], end, expiresAt: session.endsAt, keep: 9 }, NOW);
    const late = fixture.another();
    let parts = 0;
    intercept(late.client, async (sent, next) => {
      const output = await next();
      if (sent.action === 'PutItem') {
        parts += 1;
        if (parts === 1) await append('1', true, fixture.store);
      }
      return output;
    });
    const big = JSON.stringify('x'.repeat(500_000));
    await expect(append(big, false, late.store)).rejects.toThrow(StreamEnded);
    expect(parts).toBeGreaterThan(1);
    expect(ttlOf(await itemsOf(session), 'part#')).toEqual([]);
  });

  // Catches: a value that a writer, counted before, adds while the session is deleted, and that stays behind.
  it('go with the session, also those that come while it goes', async () => {
    const session = await openSession();
    await fixture.store.sessions.storeValue(session, { key: 'k', json: '1', limits: ROOM }, NOW);
    const writer = fixture.another();
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let arrived = (): void => {};
    const counted = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    intercept(writer.client, async (sent, next) => {
      if (sent.action === 'PutItem') {
        arrived();
        await released;
      }
      return next();
    });
    const writing = writer.store.sessions.storeValue(session, { key: 'late', json: '1', limits: ROOM }, NOW);
    await counted;
    const deleter = fixture.another();
    intercept(deleter.client, async (sent, next) => {
      const output = await next();
      if (sent.action === 'BatchWriteItem') {
        release();
        await writing;
      }
      return output;
    });
    expect(await deleter.store.sessions.delete(session.ref, NOW)).toBe(true);
    expect(await itemsOf(session)).toEqual([]);
  });

  // Catches: records trimmed without their parts, which nothing would find again.
  it('hold no parts of trimmed events', async () => {
    const session = await openSession();
    const big = JSON.stringify('x'.repeat(400_000));
    for (let index = 0; index < 32; index += 1) {
      const data = [index < 2 ? big : '1'];
      await fixture.store.events.append(
        session,
        { stream: 's', data, expiresAt: session.endsAt, keep: 2 },
        NOW,
      );
    }
    const items = await itemsOf(session);
    expect(ttlOf(items, 'part#')).toEqual([]);
    expect(ttlOf(items, 'event#')).toHaveLength(2);
  });
});
