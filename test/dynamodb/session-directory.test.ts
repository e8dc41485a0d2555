import { type NativeAttributeValue, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { beforeEach, describe, expect, it } from 'vitest';
import { openTables } from '../../src/adapters/dynamodb/entities.ts';
import { ownerOf } from '../../src/adapters/dynamodb/session-listings.ts';
import { SessionExists, StoreUnavailable } from '../../src/domain/errors.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { HOUR, NOW, newSession, times } from '../contract/fixtures.ts';
import type { DynamodbFixture } from '../support/dynamodb.ts';
import { intercept, type Sent, serviceError } from '../support/dynamodb-requests.ts';
import { eachOnDynamodb } from '../support/dynamodb-tests.ts';

describe('the directory of sessions in DynamoDB', () => {
  let fixture: DynamodbFixture;
  let principal: { issuer: string; subject: string };
  let session: Session;
  eachOnDynamodb((given, { ref }) => {
    fixture = given;
    principal = { issuer: 'https://issuer.example', subject: `subject of ${ref}` };
  });
  beforeEach(async () => {
    session = await open();
  });

  const open = async (overrides: Partial<Session> = {}, { sessions }: Store = fixture.store) => {
    const opened = newSession({ principal, ...overrides });
    await sessions.create(opened);
    return opened;
  };
  const listed = async (now = NOW, { directory }: Store = fixture.store) =>
    (await directory.list(principal, { limit: 1_000 }, now)).sessions;
  /** The listings as they lie in the engine. */
  const listings = async (): Promise<Record<string, NativeAttributeValue>[]> => {
    const { client, sessionsTable } = openTables(fixture.client, fixture.tableName);
    const { Items = [] } = await client.send(
      new QueryCommand({
        TableName: sessionsTable,
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: { ':pk': `owner#${ownerOf(principal)}` },
        ConsistentRead: true,
      }),
    );
    return Items;
  };
  /** As DynamoDB's TTL does it. */
  const removeItem = async ({ ref }: Session): Promise<void> => {
    await openTables(fixture.client, fixture.tableName).sessions.delete({ ref }).go();
  };
  const isOfListing = ({ input }: Sent): boolean => JSON.stringify(input).includes('owner#');
  /** Another instance, whose requests of this kind fail. */
  const failing = (condition: (sent: Sent) => boolean): Store => {
    const { client, store } = fixture.another();
    intercept(client, (sent, next) => {
      if (condition(sent)) throw serviceError('InternalServerError', 500);
      return next();
    });
    return store;
  };

  // Catches: two principals in one partition, each of whose lists would remove what seems left over: the other's.
  it('keeps principals apart', () => {
    const texts = ['', 'a', 'ab', '#', '"', '","', 'a#', 'a"', '\\', '\ud800', '\ud801', '\ufffd'];
    const owners = texts.flatMap((issuer) => texts.map((subject) => ownerOf({ issuer, subject })));
    expect(new Set(owners).size).toBe(texts.length ** 2);
  });

  // Catches: milliseconds, a TTL that is the sliding expiry's, after which a session that is used is not listed.
  it('keeps one item of each session until its absolute end, with no word of who the principal is', async () => {
    const touch = { ref: session.ref, lastSeenAt: NOW + 1, expiresAt: NOW + 2 * HOUR };
    await fixture.store.sessions.touch([touch], NOW);
    const [listing, ...rest] = await listings();
    expect(rest).toEqual([]);
    expect(listing).toMatchObject({
      sk: `session#000${session.createdAt}#${session.ref}`,
      ttl: session.endsAt / 1_000,
    });
    expect(JSON.stringify(listing)).not.toContain(principal.subject);
  });

  // Catches: an item whose TTL a failed creation brings forward, after which the session is not listed.
  it('keeps it no less long because of a creation that fails', async () => {
    const again = { ...session, endsAt: session.expiresAt };
    await expect(fixture.store.sessions.create(again)).rejects.toThrow(SessionExists);
    expect(await listings()).toMatchObject([{ ttl: session.endsAt / 1_000 }]);
  });

  // Catches: the listing written after the session, or beside it: a crash in between leaves a session unlisted.
  it('writes it before the session, and removes it after', async () => {
    const unlisted = newSession({ principal });
    const noListing = failing(isOfListing);
    await expect(noListing.sessions.create(unlisted)).rejects.toThrow(StoreUnavailable);
    expect(await fixture.store.sessions.find(unlisted.ref, NOW)).toBeUndefined();
    await expect(noListing.sessions.delete(session.ref, NOW)).rejects.toThrow(StoreUnavailable);
    expect(await fixture.store.sessions.find(session.ref, NOW)).toBeUndefined();

    const other = await open();
    const noSession = failing(
      (sent) => ['PutItem', 'DeleteItem'].includes(sent.action) && !isOfListing(sent),
    );
    await expect(open({}, noSession)).rejects.toThrow(StoreUnavailable);
    await expect(noSession.sessions.delete(other.ref, NOW)).rejects.toThrow(StoreUnavailable);
    expect(await listed()).toEqual([other]);
  });

  // Catches: eventually consistent reads, which no engine for development has.
  it('reads what the latest write wrote', async () => {
    const { client, store } = fixture.another();
    const reads: unknown[] = [];
    intercept(client, (sent, next) => {
      const { ConsistentRead, RequestItems } = sent.input as {
        ConsistentRead?: boolean;
        RequestItems?: Record<string, { ConsistentRead?: boolean }>;
      };
      reads.push([sent.action, ConsistentRead ?? RequestItems?.[fixture.tableName]?.ConsistentRead]);
      return next();
    });
    expect(await listed(NOW, store)).toEqual([session]);
    expect(reads).toEqual([
      ['Query', true],
      ['BatchGetItem', true],
    ]);
  });

  // Catches: sessions missing from a page because DynamoDB was busy.
  it('asks again for sessions that a batch left out', async () => {
    const sessions = [
      session,
      ...(await Promise.all(times(4, (index) => open({ createdAt: NOW + 1 + index })))),
    ];
    const { client, store } = fixture.another();
    let batches = 0;
    intercept(client, async (sent, next) => {
      if (sent.action !== 'BatchGetItem') return next();
      batches += 1;
      const { RequestItems } = sent.input as { RequestItems: Record<string, { Keys: unknown[] }> };
      const asked = RequestItems[fixture.tableName] as { Keys: unknown[] };
      const leftOut = asked.Keys.splice(2);
      const output = await next();
      if (leftOut.length === 0) return output;
      return { ...output, UnprocessedKeys: { [fixture.tableName]: { ...asked, Keys: leftOut } } } as never;
    });
    expect(await listed(NOW, store)).toEqual(sessions);
    expect(batches).toBe(3);
  });

  // Catches: lists that cost more with every session that there ever was; and the listing of a session that is just
  // being created, or one that is there, taken for left over.
  it('removes what is left of sessions that are gone for an hour, and nothing else', async () => {
    const gone = await open({ createdAt: NOW + 1 });
    await removeItem(gone);
    expect(await listed(NOW + HOUR - 1)).toEqual([session]);
    expect(await listings()).toHaveLength(2);
    // By a clock that is ahead, all have expired; those that are there stay listed.
    expect(await listed(NOW + 2 * HOUR)).toEqual([]);
    expect(await listings()).toMatchObject([{ ref: session.ref }]);
    expect(await listed()).toEqual([session]);
  });

  it('lists also where it cannot remove what is left, and says so', async () => {
    await removeItem(await open());
    const store = failing(({ action }) => action === 'BatchWriteItem');
    fixture.errors.length = 0;
    expect(await listed(NOW + 2 * HOUR, store)).toEqual([]);
    expect(fixture.errors).toEqual([expect.any(StoreUnavailable)]);
  });
});
