import { BatchWriteCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { openTables, type Tables } from '../../src/adapters/dynamodb/entities.ts';
import type { Session, SessionRef } from '../../src/domain/session.ts';
import { HOUR, NOW, newSession, ROOM } from '../contract/fixtures.ts';
import type { DynamodbFixture } from '../support/dynamodb.ts';
import { onDynamodb } from '../support/dynamodb-tests.ts';

/** What the first version wrote for one session, attribute by attribute. */
function firstVersionsItems(ref: SessionRef) {
  const seconds = (ms: number): number => ms / 1_000;
  const [expiresAt, endsAt] = [NOW + HOUR, NOW + 24 * HOUR];
  return {
    session: {
      pk: ref,
      sk: 'session',
      ref,
      issuer: 'issuer',
      subject: 'subject',
      initialize: '{"protocolVersion":"2025-11-25"}',
      protocolVersion: '2025-11-25',
      subscriptions: [],
      createdAt: NOW,
      lastSeenAt: NOW,
      expiresAt,
      endsAt,
      version: 1,
      valueCount: 1,
      keyCount: 1,
      countedAt: NOW,
      recountedAt: 0,
      countId: 'a8446cb7-44bd-4939-a6b9-a692207543ae',
      writeId: '97516084-251c-4e7a-9ecc-73fae771357b',
      ttl: seconds(expiresAt),
      __edb_e__: 'session',
      __edb_v__: '1',
    },
    value: {
      pk: ref,
      sk: 'value#k',
      ref,
      key: 'k',
      json: '1',
      version: 1,
      updatedAt: NOW,
      writeId: '40cd41ff-39db-4f82-a247-52ba08b62ff5',
      ttl: seconds(endsAt),
      __edb_e__: 'value',
      __edb_v__: '1',
    },
    record: {
      pk: ref,
      sk: 'event#s#000000000001',
      ref,
      stream: 's',
      first: 1,
      last: 2,
      end: false,
      appendId: '7779de93-c6f1-4450-aedd-4fe7c7fd79ef',
      data: ['"one"', '"two"'],
      expiresAt: endsAt,
      ttl: seconds(endsAt),
      __edb_e__: 'record',
      __edb_v__: '1',
    },
  };
}

describe('while a deploy rolls', () => {
  let fixture: DynamodbFixture;
  let tables: Tables;

  onDynamodb((given) => {
    fixture = given;
    tables = openTables(fixture.client, fixture.tableName);
  });

  const rawItems = async (TableName: string, ref: SessionRef) => {
    const { Items = [] } = await tables.client.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': ref },
        ConsistentRead: true,
      }),
    );
    return Items;
  };
  /** What a session's life needs, on one that holds the value `1` under `k` and two events in `s`. */
  const serve = async (ref: SessionRef): Promise<void> => {
    const { sessions, events } = fixture.store;
    const session = (await sessions.find(ref, NOW)) as Session;
    expect(session).toMatchObject({ version: 1, idleMs: undefined, valueCount: 1 });
    expect(await sessions.readValue(session, 'k', NOW)).toMatchObject({ json: '1', version: 1 });
    const overwriting = { key: 'k', json: '2', expectedVersion: 1, limits: ROOM };
    expect(await sessions.storeValue(session, overwriting, NOW)).toBe(2);
    expect(await sessions.storeValue(session, { key: 'new', json: '3', limits: ROOM }, NOW)).toBe(1);
    const appended = { stream: 's', data: ['"three"'], expiresAt: session.endsAt, keep: 10 };
    expect(await events.append(session, appended, NOW)).toBe(3);
    const read = await events.read(session, { stream: 's', after: 0, limit: 10 }, NOW);
    expect(read.events.map(({ data }) => data)).toEqual(['"one"', '"two"', '"three"']);
    const changed = await sessions.updateIfVersion(ref, 1, { logLevel: 'info' }, NOW);
    expect(changed).toMatchObject({ version: 2, logLevel: 'info' });
    await sessions.touch([{ ref, lastSeenAt: NOW + 1, expiresAt: NOW + HOUR + 1 }], NOW);
    expect(await sessions.find(ref, NOW)).toMatchObject({ lastSeenAt: NOW + 1, valueCount: 2 });
  };

  // Catches: a new attribute that is taken for granted, which the items of an older version lack.
  it('what the first version wrote is served', async () => {
    const { ref } = newSession();
    const { session, value, record } = firstVersionsItems(ref);
    await tables.client.send(
      new BatchWriteCommand({
        RequestItems: {
          [tables.sessionsTable]: [session, value].map((Item) => ({ PutRequest: { Item } })),
          [tables.eventsTable]: [{ PutRequest: { Item: record } }],
        },
      }),
    );
    await serve(ref);
    await fixture.store.sessions.delete(ref, NOW);
    expect(await rawItems(tables.sessionsTable, ref)).toEqual([]);
  });

  // Catches: an item that is put anew, without what a later version keeps in it; a read that fails on it.
  it('what a later version adds to items is passed over, and left there', async () => {
    const ref = 'of-a-later-version' as SessionRef;
    const { session, value, record } = firstVersionsItems(ref);
    const later = { later: { since: 2, list: ['x'] } };
    for (const item of [session, value]) {
      await tables.client.send(
        new PutCommand({ TableName: tables.sessionsTable, Item: { ...item, ...later } }),
      );
    }
    await tables.client.send(
      new PutCommand({ TableName: tables.eventsTable, Item: { ...record, ...later } }),
    );
    await serve(ref);
    const kept = (await rawItems(tables.sessionsTable, ref)).filter(({ sk }) => sk !== 'value#new');
    expect(kept.map((item) => item['later'])).toEqual([later.later, later.later]);
  });
});
