import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LimitExceeded, SessionNotFound, VersionConflict } from '../../src/domain/errors.ts';
import { encodeValue } from '../../src/domain/json.ts';
import { DEFAULT_LIMITS, KEY_BYTES, MAX_VALUE_BYTES } from '../../src/domain/limits.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { HOUR, NOW, newSession, outcomes, ROOM, times } from './fixtures.ts';
import type { HarnessFactory, StoreHarness } from './harness.ts';

/** `SessionRepository`, the values. Two instances, `a` and `b`, on one engine; a new session for each test. */
export function sessionValuesContract(makeHarness: HarnessFactory): void {
  describe('session values', () => {
    let harness: StoreHarness;
    let a: Store;
    let b: Store;
    let session: Session;

    const put = (key: string, json: string, expectedVersion?: number, store = a): Promise<number> =>
      store.sessions.storeValue(session, { key, json, expectedVersion, limits: ROOM }, NOW);
    const count = async (): Promise<number | undefined> =>
      (await b.sessions.find(session.ref, NOW))?.valueCount;

    beforeAll(async () => {
      harness = await makeHarness();
      a = await harness.open();
      b = await harness.open();
    });
    afterAll(() => harness?.close());
    beforeEach(async () => {
      session = newSession();
      await a.sessions.create(session);
    });

    it('gives back on one instance what another stored', async () => {
      expect(await put('user_id', '123')).toBe(1);
      expect(await b.sessions.readValue(session, 'user_id', NOW)).toEqual({
        key: 'user_id',
        json: '123',
        version: 1,
        updatedAt: NOW,
      });
    });

    it('counts a key’s writes from 1, each key for itself', async () => {
      expect(await put('x', '1')).toBe(1);
      expect(await put('x', '2')).toBe(2);
      expect(await put('y', '1')).toBe(1);
      expect(await put('x', '3', undefined, b)).toBe(3);
      expect(await a.sessions.readValue(session, 'x', NOW)).toMatchObject({ json: '3', version: 3 });
    });

    it('has no value for a key never written', async () => {
      expect(await a.sessions.readValue(session, 'nothing', NOW)).toBeUndefined();
    });

    it('takes the time of the last write as updatedAt', async () => {
      await put('x', '1');
      await a.sessions.storeValue(session, { key: 'x', json: '2', limits: ROOM }, NOW + 1_001);
      expect((await a.sessions.readValue(session, 'x', NOW + 1_001))?.updatedAt).toBe(NOW + 1_001);
    });

    describe('any JSON value comes back to the byte', () => {
      const deep = (levels: number): unknown => (levels === 0 ? 'x' : [deep(levels - 1)]);
      const samples: [string, unknown][] = [
        ['null', null],
        ['a number', 123],
        ['the largest numbers', [1e308, -1e308, 5e-324, Number.MAX_SAFE_INTEGER, -0, 0.1]],
        ['NUL and other control characters', '\u0000\u0001\u001f\u007f'],
        ['a NUL in a member name', { '\u0000': 1 }],
        ['lone surrogates', '\ud800 \udc00'],
        ['astral characters', '\u{1f600}\u{10ffff}'],
        [
          'members named like JavaScript’s own',
          JSON.parse('{"__proto__":{"a":1},"constructor":1,"toString":2}'),
        ],
        ['an empty member name', { '': { '': '' } }],
        ['empty things', [[], {}, '']],
        ['100 levels', deep(100)],
        ['member order', JSON.parse('{"b":1,"a":2,"10":3,"9":4}')],
        ['quotes and backslashes', '"\\\'"; drop table mcp_sessions; --'],
      ];
      it.each(samples)('%s', async (_, value) => {
        const json = encodeValue(value, DEFAULT_LIMITS);
        await put('v', json);
        expect((await b.sessions.readValue(session, 'v', NOW))?.json).toBe(json);
      });

      it('the largest value that any configuration allows, under the longest key', async () => {
        const json = JSON.stringify('x'.repeat(MAX_VALUE_BYTES - 2));
        const key = '\u{20ac}'.repeat(KEY_BYTES / 3);
        await put(key, json);
        expect((await b.sessions.readValue(session, key, NOW))?.json).toBe(json);
      });
    });

    // Catches: one map for all values, or internal flags that share the keys' namespace.
    it.each([
      'terminated',
      'session',
      'ref',
      'pk',
      '__proto__',
      'a#b',
      'a/b',
      '%',
      ' ',
      'Ä',
      '#',
      '$value#x',
      'a\u2028b\u2029',
      '\uffff',
    ])('treats the key %j as any other', async (key) => {
      await put('before', '0');
      await put(key, '1');
      expect(await b.sessions.readValue(session, key, NOW)).toMatchObject({ key, json: '1', version: 1 });
      expect(await b.sessions.find(session.ref, NOW)).toMatchObject({ version: 1, valueCount: 2 });
      expect((await b.sessions.listValues(session, { prefix: key, limit: 5 }, NOW)).values).toHaveLength(1);
    });

    it('keeps keys apart that differ only in case or in Unicode normal form', async () => {
      const keys = ['key', 'KEY', '\u00e9', 'e\u0301'];
      for (const [index, key] of keys.entries()) await put(key, String(index));
      for (const [index, key] of keys.entries()) {
        expect((await a.sessions.readValue(session, key, NOW))?.json).toBe(String(index));
      }
    });

    // Catches: read-modify-write of one map, where 8 of 10 concurrent writers lose.
    it('loses none of 50 concurrent writers on distinct keys', async () => {
      const { errors } = await outcomes(
        times(50, (index) => put(`key-${index}`, String(index), undefined, index % 2 ? a : b)),
      );
      expect(errors).toEqual([]);
      for (let index = 0; index < 50; index += 1) {
        expect((await a.sessions.readValue(session, `key-${index}`, NOW))?.json).toBe(String(index));
      }
      expect(await count()).toBe(50);
    });

    it('gives 30 concurrent writers of one key the versions 1 to 30', async () => {
      const { values, errors } = await outcomes(
        times(30, (index) => put('x', String(index), undefined, index % 2 ? a : b)),
      );
      expect(errors).toEqual([]);
      expect(values.toSorted((x, y) => x - y)).toEqual(times(30, (index) => index + 1));
      expect(await count()).toBe(1);
    });

    describe('compare-and-set', () => {
      it.each([
        ['of an existing key', '1', 1],
        ['of a key that must not exist', undefined, 0],
      ])('%s: 50 racers have one winner', async (_, before, expectedVersion) => {
        if (before !== undefined) await put('x', before);
        const { values, errors } = await outcomes(
          times(50, (index) => put('x', `"${index}"`, expectedVersion, index % 2 ? a : b)),
        );
        expect(values).toEqual([expectedVersion + 1]);
        expect(errors).toHaveLength(49);
        for (const error of errors) {
          expect(error).toBeInstanceOf(VersionConflict);
          expect(error).toMatchObject({ expectedVersion, currentVersion: expectedVersion + 1 });
        }
        expect(await count()).toBe(1);
      });

      it('refuses another version and changes nothing', async () => {
        await put('x', '1');
        // The last ones are beyond the integers of a store.
        for (const expected of [0, 2, 99, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
          await expect(put('x', '2', expected)).rejects.toMatchObject({
            code: 'version_conflict',
            expectedVersion: expected,
            currentVersion: 1,
          });
        }
        await expect(put('new', '2', 1)).rejects.toMatchObject({ currentVersion: 0 });
        expect(await a.sessions.readValue(session, 'x', NOW)).toMatchObject({ json: '1', version: 1 });
        expect(await a.sessions.readValue(session, 'new', NOW)).toBeUndefined();
        expect(await count()).toBe(1);
      });
    });

    describe('deleteValue', () => {
      it('deletes, and says whether there was something', async () => {
        await put('x', '1');
        expect(await b.sessions.deleteValue(session, { key: 'x' }, NOW)).toBe(true);
        expect(await a.sessions.readValue(session, 'x', NOW)).toBeUndefined();
        expect(await a.sessions.deleteValue(session, { key: 'x' }, NOW)).toBe(false);
        expect(await a.sessions.deleteValue(session, { key: 'never' }, NOW)).toBe(false);
        expect((await a.sessions.listValues(session, { prefix: '', limit: 10 }, NOW)).values).toEqual([]);
        expect(await count()).toBe(0);
      });

      // Catches: versions that begin at 1 again, so that a stale expected_version matches a new life.
      it('lets versions go on counting in a key’s next life', async () => {
        await put('x', '1');
        await put('x', '2');
        await a.sessions.deleteValue(session, { key: 'x' }, NOW);
        await expect(put('x', '3', 2)).rejects.toMatchObject({ currentVersion: 0 });
        expect(await put('x', '3', 0, b)).toBe(3);
        await expect(put('x', '4', 2)).rejects.toMatchObject({ currentVersion: 3 });
        await a.sessions.deleteValue(session, { key: 'x' }, NOW);
        expect(await put('x', '5')).toBe(4);
        expect(await count()).toBe(1);
      });

      it('deletes only the expected version', async () => {
        await put('x', '1');
        await put('x', '2');
        for (const expectedVersion of [0, 1, 3, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
          await expect(
            a.sessions.deleteValue(session, { key: 'x', expectedVersion }, NOW),
          ).rejects.toMatchObject({ expectedVersion, currentVersion: 2 });
        }
        await expect(
          a.sessions.deleteValue(session, { key: 'never', expectedVersion: 1 }, NOW),
        ).rejects.toMatchObject({ expectedVersion: 1, currentVersion: 0 });
        expect(await a.sessions.deleteValue(session, { key: 'never', expectedVersion: 0 }, NOW)).toBe(false);
        expect(await a.sessions.deleteValue(session, { key: 'x', expectedVersion: 2 }, NOW)).toBe(true);
      });

      it('of 20 concurrent deletions one finds the value', async () => {
        await put('x', '1');
        const { values, errors } = await outcomes(
          times(20, (index) => (index % 2 ? a : b).sessions.deleteValue(session, { key: 'x' }, NOW)),
        );
        expect(errors).toEqual([]);
        expect(values.filter(Boolean)).toHaveLength(1);
        expect(await count()).toBe(0);
      });

      // Catches: a count that drifts, and a deadlock between a writer and a deleter of one key.
      it('mixed with writers keeps every version distinct and the count true', async () => {
        const { values, errors } = await outcomes(
          times(60, async (index) => {
            const store = index % 2 ? a : b;
            const key = `key-${index % 3}`;
            if (index % 5 === 0) {
              await store.sessions.deleteValue(session, { key }, NOW);
              return undefined;
            }
            return `${key}@${await put(key, String(index), undefined, store)}`;
          }),
        );
        expect(errors).toEqual([]);
        const written = values.filter((value) => value !== undefined);
        expect(new Set(written).size).toBe(written.length);
        const { values: left } = await a.sessions.listValues(session, { prefix: '', limit: 10 }, NOW);
        expect(await count()).toBe(left.length);
      });
    });

    describe('listValues', () => {
      const list = async (query: { prefix?: string; after?: string; limit?: number }) => {
        const page = await b.sessions.listValues(session, { prefix: '', limit: 100, ...query }, NOW);
        return { keys: page.values.map(({ key }) => key), more: page.more };
      };

      it('is empty for a new session', async () => {
        expect(await list({})).toEqual({ keys: [], more: false });
      });

      it('shows key, version and time of the last write', async () => {
        await put('x', '1');
        await put('x', '2');
        const page = await a.sessions.listValues(session, { prefix: '', limit: 10 }, NOW);
        expect(page).toEqual({ values: [{ key: 'x', version: 2, updatedAt: NOW }], more: false });
      });

      // Catches: UTF-16 or locale order; U+FF61 sorts after the surrogate pair in UTF-16, before it in UTF-8.
      it('is in UTF-8 byte order', async () => {
        const keys = ['b', 'B', 'a', '_', '10', '9', 'é', 'e', 'z', '｡', '\u{1f600}', '~', 'aa', 'a b'];
        for (const key of keys) await put(key, '1');
        const expected = keys.toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
        expect((await list({})).keys).toEqual(expected);
        const paged: string[] = [];
        for (let after: string | undefined; ; after = paged.at(-1)) {
          const page = await list({ limit: 3, ...(after === undefined ? {} : { after }) });
          paged.push(...page.keys);
          if (!page.more) break;
        }
        expect(paged).toEqual(expected);
        // Catches: bounds of a range that an engine puts in another order than the keys.
        for (const [index, after] of expected.entries()) {
          expect((await list({ after })).keys, after).toEqual(expected.slice(index + 1));
        }
      });

      // Catches: LIKE wildcards that are not escaped, and a prefix compared in another order than the keys.
      it('takes a prefix literally', async () => {
        const keys = [
          'a%b',
          'a_b',
          'axb',
          'a',
          'ab',
          'A%',
          '%',
          'b',
          'a\\b',
          'a\u{10ffff}',
          'a\u{1f600}x',
          '\ud7ff',
        ];
        for (const key of keys) await put(key, '1');
        for (const prefix of [
          'a',
          'a%',
          'a_',
          '%',
          'a\\',
          'zz',
          '\ud7ff',
          '\u{10ffff}',
          'a\u{10ffff}',
          'a\u{1f600}',
        ]) {
          const expected = keys
            .filter((key) => key.startsWith(prefix))
            .toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
          expect((await list({ prefix })).keys, prefix).toEqual(expected);
        }
        expect(await list({ prefix: 'a', after: 'a%b', limit: 2 })).toEqual({
          keys: ['a\\b', 'a_b'],
          more: true,
        });
        expect(await list({ prefix: 'b', after: 'a' })).toEqual({ keys: ['b'], more: false });
        expect(await list({ prefix: 'a', after: 'b' })).toEqual({ keys: [], more: false });
      });

      it('says whether more follow, exactly at the limit', async () => {
        for (const key of ['a', 'b', 'c']) await put(key, '1');
        expect(await list({ limit: 3 })).toEqual({ keys: ['a', 'b', 'c'], more: false });
        expect(await list({ limit: 2 })).toEqual({ keys: ['a', 'b'], more: true });
        expect(await list({ limit: 2, after: 'b' })).toEqual({ keys: ['c'], more: false });
        await a.sessions.deleteValue(session, { key: 'c' }, NOW);
        expect(await list({ limit: 2 })).toEqual({ keys: ['a', 'b'], more: false });
      });

      // Catches: a page that ends at DynamoDB's 1 MB, and deleted keys that take the place of living ones.
      it('fills its pages past a megabyte of values and hundreds of deleted keys', async () => {
        const big = JSON.stringify('x'.repeat(200_000));
        const keys = times(12, (index) => `big-${String(index).padStart(2, '0')}`);
        for (const key of keys) await put(key, big);
        await outcomes(times(300, (index) => put(`a-${index}`, '1', undefined, index % 2 ? a : b)));
        const deleted = await outcomes(
          times(300, (index) => a.sessions.deleteValue(session, { key: `a-${index}` }, NOW)),
        );
        expect(deleted.values.filter(Boolean)).toHaveLength(300);
        expect(await list({})).toEqual({ keys, more: false });
        expect(await list({ limit: 11 })).toEqual({ keys: keys.slice(0, 11), more: true });
        expect(await count()).toBe(12);
      });
    });

    describe('limits', () => {
      const limits = { keys: 3, distinctKeys: 5 };
      const putLimited = (key: string): Promise<number> =>
        a.sessions.storeValue(session, { key, json: '1', limits }, NOW);

      it('refuses one key more than the limit, overwrites at it, and has room again after a deletion', async () => {
        for (const key of ['a', 'b', 'c']) await putLimited(key);
        await expect(putLimited('d')).rejects.toThrow(LimitExceeded);
        await expect(putLimited('d')).rejects.toThrow(/3 keys/);
        expect(await putLimited('a')).toBe(2);
        await a.sessions.deleteValue(session, { key: 'b' }, NOW);
        expect(await putLimited('d')).toBe(1);
        await expect(putLimited('b')).rejects.toThrow(LimitExceeded);
        expect(await count()).toBe(3);
      });

      it('bounds the different keys of a session’s life', async () => {
        for (const key of ['a', 'b', 'c', 'd', 'e']) {
          await putLimited(key);
          await a.sessions.deleteValue(session, { key }, NOW);
        }
        await expect(putLimited('f')).rejects.toThrow(/5 different keys/);
        expect(await putLimited('a')).toBe(2);
      });

      // Catches: check-then-write.
      it('is not passed by 20 concurrent writers of new keys', async () => {
        const { values, errors } = await outcomes(times(20, (index) => putLimited(`key-${index}`)));
        expect(values).toEqual([1, 1, 1]);
        expect(errors).toHaveLength(17);
        for (const error of errors) expect(error).toBeInstanceOf(LimitExceeded);
        expect(await count()).toBe(3);
      });
    });

    describe('in a session that is gone', () => {
      const attempts = (at: number): (() => Promise<unknown>)[] => [
        () => a.sessions.storeValue(session, { key: 'x', json: '2', limits: ROOM }, at),
        () => a.sessions.storeValue(session, { key: 'x', json: '2', expectedVersion: 1, limits: ROOM }, at),
        () => a.sessions.storeValue(session, { key: 'new', json: '2', limits: ROOM }, at),
        () => a.sessions.readValue(session, 'x', at),
        () => a.sessions.readValue(session, 'new', at),
        () => a.sessions.deleteValue(session, { key: 'x' }, at),
        () => a.sessions.deleteValue(session, { key: 'new' }, at),
        () => a.sessions.listValues(session, { prefix: '', limit: 10 }, at),
      ];

      // Catches: a check that is left out where a call comes alone, or where several do.
      it.each(['expired', 'deleted', 'unknown'])(
        '%s: every operation throws SessionNotFound',
        async (how) => {
          await put('x', '1');
          let at = NOW;
          if (how === 'expired') at = session.expiresAt;
          if (how === 'deleted') await b.sessions.delete(session.ref, NOW);
          if (how === 'unknown') session = newSession();
          // The writes, before a deletion has the store forget that there was a value.
          for (const attempt of attempts(at).slice(0, 3)) {
            await expect(attempt()).rejects.toThrow(SessionNotFound);
          }
          const { values, errors } = await outcomes(attempts(at).map((attempt) => attempt()));
          expect(values).toEqual([]);
          for (const error of errors) expect(error).toBeInstanceOf(SessionNotFound);
          if (how === 'expired') {
            expect(await a.sessions.readValue(session, 'x', at - 1)).toMatchObject({ json: '1', version: 1 });
            expect(await a.sessions.readValue(session, 'new', at - 1)).toBeUndefined();
          } else {
            expect(await harness.countRows(session.ref)).toBe(0);
          }
        },
      );

      // Catches: a store that believes the caller's older expiry, and cuts off a session that was used since.
      it('is decided by the stored expiry, not by the one the caller read earlier', async () => {
        await put('x', '1');
        const later = session.expiresAt + 1;
        await b.sessions.touch([{ ref: session.ref, lastSeenAt: NOW, expiresAt: later + HOUR }], NOW);
        expect(await a.sessions.readValue(session, 'x', later)).toMatchObject({ json: '1' });
        expect(await a.sessions.storeValue(session, { key: 'x', json: '2', limits: ROOM }, later)).toBe(2);
        expect(await a.sessions.storeValue(session, { key: 'y', json: '2', limits: ROOM }, later)).toBe(1);
        expect((await a.sessions.listValues(session, { prefix: '', limit: 9 }, later)).values).toHaveLength(
          2,
        );
        expect(await a.sessions.deleteValue(session, { key: 'x' }, later)).toBe(true);
      });
    });
  });
}
