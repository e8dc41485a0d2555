import { describe, expect, it } from 'vitest';
import { openTables } from '../../src/adapters/dynamodb/entities.ts';
import { LimitExceeded, StoreUnavailable } from '../../src/domain/errors.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { NOW, outcomes, times } from '../contract/fixtures.ts';
import type { DynamodbFixture } from '../support/dynamodb.ts';
import { actionsOf, intercept, serviceError } from '../support/dynamodb-requests.ts';
import { eachOnDynamodb } from '../support/dynamodb-tests.ts';

const MINUTE = 60_000;
const limits = { keys: 3, distinctKeys: 5 };

describe('the count of a session’s keys', () => {
  let fixture: DynamodbFixture;
  let session: Session;

  const put = (key: string, now = NOW, store: Store = fixture.store) =>
    store.sessions.storeValue(session, { key, json: '1', limits }, now);
  const remove = (key: string, now = NOW) => fixture.store.sessions.deleteValue(session, { key }, now);
  const counted = async () => (await fixture.store.sessions.find(session.ref, NOW))?.valueCount;
  const tamper = async (counts: { valueCount?: number; keyCount?: number }) => {
    await openTables(fixture.client, fixture.tableName).sessions.patch({ ref: session.ref }).set(counts).go();
  };

  eachOnDynamodb((...made) => {
    [fixture, session] = made;
  });

  // Catches: a limit that, after crashes, is reached with room left, for ever.
  it('heals by a recount when it is too high', async () => {
    await put('a');
    await tamper({ valueCount: 3, keyCount: 5 });
    expect(await put('b', NOW + MINUTE)).toBe(1);
    expect(await counted()).toBe(2);
    await put('c', NOW + MINUTE);
    await expect(put('d', NOW + 3 * MINUTE)).rejects.toThrow(/3 keys/);
  });

  it('heals at once in a session that has not counted lately', async () => {
    await tamper({ valueCount: 99, keyCount: 99 });
    expect(await put('a')).toBe(1);
    expect(await counted()).toBe(1);
  });

  it('heals over all pages of a large session', async () => {
    const json = JSON.stringify('x'.repeat(300_000));
    // Room for different keys, because dynoxide counts the last item of a page twice in its ScannedCount.
    const roomy = { keys: 8, distinctKeys: 20 };
    for (const key of times(7, String)) {
      await fixture.store.sessions.storeValue(session, { key, json, limits: roomy }, NOW);
    }
    await tamper({ valueCount: 8 });
    await fixture.store.sessions.storeValue(session, { key: '7', json, limits: roomy }, NOW + MINUTE);
    expect(await counted()).toBe(8);
    const ninth = { key: '8', json, limits: roomy };
    await expect(fixture.store.sessions.storeValue(session, ninth, NOW + 3 * MINUTE)).rejects.toThrow(
      /8 keys/,
    );
  });

  // Catches: a recount that takes the place of a writer between its count and its value, and so lets one
  // too many in.
  it('is not lowered while a counted value may still be on its way', async () => {
    const slow = fixture.another();
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let arrived = (): void => {};
    const counting = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    intercept(slow.client, async (sent, next) => {
      if (sent.action === 'PutItem') {
        arrived();
        await released;
      }
      return next();
    });
    await put('a');
    await put('b');
    const writing = put('c', NOW, slow.store);
    await counting;
    await expect(put('d', NOW + 1_000)).rejects.toThrow(LimitExceeded);
    release();
    expect(await writing).toBe(1);
    expect(await counted()).toBe(3);
  });

  // Catches: a recount that leaves out a value just deleted, whose deleter then counts down a second time.
  it('is not lowered twice for a deletion that has not been counted yet', async () => {
    const slow = fixture.another();
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let arrived = (): void => {};
    const marked = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let updates = 0;
    intercept(slow.client, async (sent, next) => {
      if (sent.action === 'UpdateItem') updates += 1;
      if (updates === 2) {
        arrived();
        await released;
      }
      return next();
    });
    const later = NOW + 2 * MINUTE;
    for (const key of ['a', 'b', 'c']) await put(key);
    const deleting = slow.store.sessions.deleteValue(session, { key: 'a' }, later);
    await marked;
    await expect(put('d', later)).rejects.toThrow(LimitExceeded);
    release();
    expect(await deleting).toBe(true);
    expect(await counted()).toBe(2);
  });

  // Catches: a full read of the partition for each refused write.
  it('is compared with what is there once a minute at most', async () => {
    const { client, store } = fixture.another();
    for (const key of ['a', 'b', 'c']) await put(key);
    const actions = actionsOf(client);
    for (const wait of [0, 1, 2, 3]) {
      await expect(put('d', NOW + 2 * MINUTE + wait, store)).rejects.toThrow(LimitExceeded);
    }
    expect(actions.filter((action) => action === 'Query')).toHaveLength(1);
  });

  // Catches: a place that stays taken by a value that was never written.
  it('gives the place of a refused value back', async () => {
    const { client, store } = fixture.another();
    intercept(client, async (sent, next) => {
      if (sent.action === 'PutItem') throw serviceError('ValidationException');
      return next();
    });
    await expect(put('a', NOW, store)).rejects.toThrow();
    expect(await counted()).toBe(0);
  });

  // Catches: a place given back though the value may have been written; the limit could then be passed.
  it('keeps the place of a value that may have been written', async () => {
    const { client, store } = fixture.another();
    intercept(client, async (sent, next) => {
      const output = await next();
      const isLost = sent.action === 'PutItem' || sent.action === 'BatchGetItem';
      if (isLost) throw Object.assign(new Error('lost'), { code: 'ECONNRESET' });
      return output;
    });
    await expect(put('a', NOW, store)).rejects.toThrow(StoreUnavailable);
    expect(await counted()).toBe(1);
    expect(await put('a')).toBe(2);
    expect(await counted()).toBe(1);
  });

  // Catches: a deletion reported as failed that has taken place.
  it('reports a deletion that it could not count to the operator, not to the caller', async () => {
    const { client, store } = fixture.another();
    await put('a');
    let updates = 0;
    intercept(client, async (sent, next) => {
      if (sent.action === 'UpdateItem') updates += 1;
      if (updates === 2) throw serviceError('ThrottlingException');
      return next();
    });
    expect(await store.sessions.deleteValue(session, { key: 'a' }, NOW)).toBe(true);
    expect(fixture.errors.splice(0)).toEqual([expect.any(StoreUnavailable)]);
    expect(await counted()).toBe(1);
  });

  // Catches: a writer refused for want of room by another that is about to make it an overwriting.
  it('does not shut out a second writer of the last key while the first is on its way', async () => {
    const [first, second] = [fixture.another(), fixture.another()];
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let arrived = (): void => {};
    const counted = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    intercept(first.client, async (sent, next) => {
      if (sent.action === 'PutItem') {
        arrived();
        await released;
      }
      return next();
    });
    await put('a');
    await put('b');
    const writing = put('c', NOW, first.store);
    await counted;
    let updates = 0;
    intercept(second.client, async (sent, next) => {
      if (sent.action === 'UpdateItem') updates += 1;
      // It has twice tried to overwrite the key, and twice to count it.
      if (updates === 5) {
        release();
        await writing;
      }
      return next();
    });
    expect(await put('c', NOW, second.store)).toBe(2);
    expect(await writing).toBe(1);
  });

  // Catches: places of racers that lost, kept: at the limit, writers of one and the same key shut each other out.
  it('has room for the last key however many write it at once', async () => {
    await put('a');
    await put('b');
    const { values, errors } = await outcomes(times(8, () => put('c')));
    expect(errors).toEqual([]);
    expect(values.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await counted()).toBe(3);
    await remove('a');
    expect(await put('d')).toBe(1);
  });
});
