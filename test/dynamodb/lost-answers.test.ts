import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dynamodbClient } from '../../src/adapters/dynamodb/client.ts';
import { dynamodbStore } from '../../src/adapters/dynamodb/store.ts';
import { createTables } from '../../src/adapters/dynamodb/tables.ts';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { NOW, newSession, ROOM } from '../contract/fixtures.ts';
import { randomTableName } from '../support/dynamodb.ts';
import { type DynamodbEngine, startDynalite } from '../support/dynamodb-engines.ts';
import { type DynamodbFaults, type RequestFate, startDynamodbFaults } from '../support/dynamodb-faults.ts';

describe('a write whose answer is lost', () => {
  const clients: DynamoDBClient[] = [];
  let engine: DynamodbEngine;
  let faults: DynamodbFaults;
  let ours: Store;
  let theirs: Store;
  let session: Session;
  /** What the client of `ours` asked for since the faults began, each attempt by itself. */
  let asked: string[];

  beforeAll(async () => {
    engine = await startDynalite();
    faults = await startDynamodbFaults(engine.endpoint as string);
    const tableName = randomTableName();
    const [faulty, whole] = [faults.endpoint, engine.endpoint].map((endpoint) => {
      const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
      const client = dynamodbClient({ region: 'us-east-1', endpoint, credentials });
      clients.push(client);
      return client;
    }) as [DynamoDBClient, DynamoDBClient];
    await createTables({ client: whole, tableName });
    ours = dynamodbStore({ client: faulty, tableName });
    theirs = dynamodbStore({ client: whole, tableName });
  });
  beforeEach(async () => {
    session = newSession();
    await theirs.sessions.create(session);
    await put(theirs, 'before');
    asked = [];
  });
  afterEach(() => {
    faults.fate = () => 'passed';
  });
  afterAll(async () => {
    for (const store of [ours, theirs]) await store?.close();
    for (const client of clients) client.destroy();
    await faults?.close();
    await engine?.stop();
  });

  const put = (store: Store, value: string, { key = 'k', expectedVersion }: Partial<PutOptions> = {}) =>
    store.sessions.storeValue(
      session,
      { key, json: JSON.stringify(value), expectedVersion, limits: ROOM },
      NOW,
    );
  interface PutOptions {
    readonly key: string;
    readonly expectedVersion: number | undefined;
  }
  const remove = (store: Store, expectedVersion?: number) =>
    store.sessions.deleteValue(session, { key: 'k', expectedVersion }, NOW);
  const held = async (key = 'k') => {
    const value = await theirs.sessions.readValue(session, key, NOW);
    return value && { value: JSON.parse(value.json) as unknown, version: value.version };
  };
  /** `first` befalls the first attempt of `action`; `next` is done before anything else that is asked afterwards. */
  const befalls = (action: string, first: RequestFate, next: () => Promise<unknown> = async () => {}) => {
    let done: Promise<unknown> | undefined;
    let met = false;
    faults.fate = async (each) => {
      asked.push(each);
      if (met) {
        done ??= next();
        await done;
        return 'passed';
      }
      if (each !== action) return 'passed';
      met = true;
      return first;
    };
  };

  // Catches: the SDK's own repeat, which makes two versions of one write.
  it.each([undefined, 1])(
    'is found where it is, and made once (expected version %s)',
    async (expectedVersion) => {
      befalls('UpdateItem', 'lost');
      expect(await put(ours, 'ours', { expectedVersion })).toBe(2);
      expect(await held()).toEqual({ value: 'ours', version: 2 });
      expect(asked).toEqual(['UpdateItem', 'BatchGetItem']);
    },
  );

  // Catches: a repeat that undoes what another was told is stored.
  it('is not made again over what another has written since', async () => {
    befalls('UpdateItem', 'lost', () => put(theirs, 'theirs'));
    await expect(put(ours, 'ours')).rejects.toThrow(StoreUnavailable);
    expect(await held()).toEqual({ value: 'theirs', version: 3 });
  });

  // Catches: "nothing was changed" of a change that was made.
  it('is not said to be refused where another has written since', async () => {
    befalls('UpdateItem', 'lost', () => put(theirs, 'theirs', { expectedVersion: 2 }));
    await expect(put(ours, 'ours', { expectedVersion: 1 })).rejects.toThrow(StoreUnavailable);
    expect(await held()).toEqual({ value: 'theirs', version: 3 });
  });

  it('is found where it made a key, and not made again where another has written since', async () => {
    befalls('PutItem', 'lost');
    expect(await put(ours, 'ours', { key: 'new' })).toBe(1);
    befalls('PutItem', 'lost', () => put(theirs, 'theirs', { key: 'newer' }));
    await expect(put(ours, 'ours', { key: 'newer' })).rejects.toThrow(StoreUnavailable);
    expect(await held('newer')).toEqual({ value: 'theirs', version: 2 });
    const stored = await theirs.sessions.find(session.ref, NOW);
    expect(stored?.valueCount).toBe(3);
  });

  // Catches: a deletion repeated, of what another has written since; a count lowered for none.
  it('is found where it deleted a key, and not made again where another has written since', async () => {
    befalls('UpdateItem', 'lost');
    expect(await remove(ours)).toBe(true);
    expect(await held()).toBeUndefined();
    await put(theirs, 'again');
    befalls('UpdateItem', 'lost', () => put(theirs, 'theirs'));
    await expect(remove(ours)).rejects.toThrow(StoreUnavailable);
    expect(await held()).toEqual({ value: 'theirs', version: 3 });
  });

  it.each(['failed', 'reset'] as const)('may not have been made: %s', async (fate) => {
    befalls('UpdateItem', fate);
    await expect(put(ours, 'ours', { expectedVersion: 1 })).rejects.toThrow(StoreUnavailable);
    expect(await held()).toEqual({ value: 'before', version: 1 });
    expect(asked).toEqual(['UpdateItem', 'BatchGetItem']);
  });

  // Catches: no repeats at all, and so an outage for each throttled write.
  it.each(['throughput', 'throttled'] as const)('is not one that was refused: %s', async (fate) => {
    befalls('UpdateItem', fate);
    expect(await put(ours, 'ours')).toBe(2);
    expect(asked).toEqual(['UpdateItem', 'UpdateItem']);
  });

  describe('among several of an operation', () => {
    const counted = async (of = session) => (await theirs.sessions.find(of.ref, NOW))?.valueCount;
    /** The answer of the `nth` request of `action` is lost, and no other. */
    const loses = (action: string, nth: number) => {
      let count = 0;
      faults.fate = (each) => {
        asked.push(each);
        count += each === action ? 1 : 0;
        return each === action && count === nth ? 'lost' : 'passed';
      };
    };

    // Catches: a count below what there is, and so room for more keys than the limit.
    it('is not repeated where it gave a place back', async () => {
      await put(theirs, 'other', { key: 'other' });
      loses('UpdateItem', 2);
      expect(await remove(ours)).toBe(true);
      expect(await counted()).toBe(1);
      expect(asked).toEqual(['UpdateItem', 'UpdateItem']);
    });

    // Catches: a count that moves twice for a request that was sent twice.
    it('is repeated, and known again, where it took a place', async () => {
      loses('UpdateItem', 2);
      expect(await put(ours, 'ours', { key: 'new' })).toBe(1);
      expect(await counted()).toBe(2);
      // dynalite does not tell what refused the repeat.
      const writes = asked.filter((action) => action !== 'GetItem');
      expect(writes).toEqual(['UpdateItem', 'UpdateItem', 'UpdateItem', 'PutItem']);
    });

    // Catches: a session that is refused, or changed twice, because of itself.
    it('is repeated, and known again, where it made or changed a session', async () => {
      const made = newSession();
      loses('PutItem', 1);
      await ours.sessions.create(made);
      loses('UpdateItem', 1);
      const changed = await ours.sessions.updateIfVersion(made.ref, 1, { logLevel: 'debug' }, NOW);
      expect(changed).toEqual({ ...made, logLevel: 'debug', version: 2 });
      expect(await theirs.sessions.find(made.ref, NOW)).toEqual(changed);
    });
  });
});
