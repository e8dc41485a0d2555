import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SessionExists, SessionNotFound, VersionConflict } from '../../src/domain/errors.ts';
import type { Store } from '../../src/ports/store.ts';
import { HOUR, NOW, newSession, outcomes, ROOM, times } from './fixtures.ts';
import type { HarnessFactory, StoreHarness } from './harness.ts';

/** `SessionRepository`, the sessions themselves. Two instances, `a` and `b`, on one engine. */
export function sessionLifecycleContract(makeHarness: HarnessFactory): void {
  describe('session lifecycle', () => {
    let harness: StoreHarness;
    let a: Store;
    let b: Store;

    beforeAll(async () => {
      harness = await makeHarness();
      a = await harness.open();
      b = await harness.open();
    });
    afterAll(() => harness?.close());

    it('answers its check', async () => {
      await a.check();
    });

    it('finds on another instance what one created, to the last field', async () => {
      const session = newSession({
        principal: { issuer: 'https://issuer.example', subject: 'ünïcode|subject' },
        initialize: {
          protocolVersion: '2025-06-18',
          capabilities: { elicitation: {}, experimental: { 'x/y': { deep: [1, null, { z: '\u0000' }] } } },
          clientInfo: { name: 'client', version: '9', title: 'A \ud83d\ude00 title' },
          _meta: { 'example.com/trace': 'abc' },
        },
        protocolVersion: '2025-06-18',
        logLevel: 'warning',
        subscriptions: ['file:///a', 'file:///b'],
        createdAt: NOW - 5_123,
        lastSeenAt: NOW - 1,
        expiresAt: NOW + 1_234,
        // More than 32 bits hold.
        idleMs: 90 * 24 * HOUR + 1,
      });
      await a.sessions.create(session);
      expect(await b.sessions.find(session.ref, NOW)).toEqual(session);
    });

    it('keeps a session without principal, initialize, protocol version and idle time of its own', async () => {
      const session = newSession({ initialize: undefined, protocolVersion: undefined });
      await a.sessions.create(session);
      expect(await b.sessions.find(session.ref, NOW)).toEqual(session);
    });

    it('does not find what was never created', async () => {
      expect(await a.sessions.find(newSession().ref, NOW)).toBeUndefined();
    });

    // Catches: an unconditional put, which would let a second session take over the first one's data.
    it('refuses to create a reference twice, also when the first has expired', async () => {
      const session = newSession();
      await a.sessions.create(session);
      await expect(b.sessions.create({ ...session, version: 1, logLevel: 'debug' })).rejects.toThrow(
        SessionExists,
      );
      const expired = newSession({ expiresAt: NOW - 1 });
      await a.sessions.create(expired);
      await expect(b.sessions.create(expired)).rejects.toThrow(SessionExists);
      expect((await a.sessions.find(session.ref, NOW))?.logLevel).toBeUndefined();
    });

    // Catches: `<` for `<=`, and a read that serves expired sessions until a sweep.
    it('is there a millisecond before expiresAt and gone at it', async () => {
      const session = newSession();
      await a.sessions.create(session);
      expect(await a.sessions.find(session.ref, session.expiresAt - 1)).toBeDefined();
      expect(await a.sessions.find(session.ref, session.expiresAt)).toBeUndefined();
    });

    describe('updateIfVersion', () => {
      it('changes what is given, leaves the rest, and counts up the version', async () => {
        const session = newSession({ subscriptions: ['a'], idleMs: 1_000 });
        await a.sessions.create(session);
        const updated = await a.sessions.updateIfVersion(session.ref, 1, { logLevel: 'error' }, NOW);
        expect(updated).toEqual({ ...session, logLevel: 'error', version: 2 });
        const again = await b.sessions.updateIfVersion(session.ref, 2, { subscriptions: [] }, NOW);
        expect(again).toEqual({ ...session, logLevel: 'error', subscriptions: [], version: 3 });
        expect(await a.sessions.find(session.ref, NOW)).toEqual(again);
      });

      // Catches: read-modify-write without a guard.
      it('lets exactly one of 20 racers through and tells the others the version that is stored', async () => {
        const session = newSession();
        await a.sessions.create(session);
        const { values, errors } = await outcomes(
          times(20, (index) =>
            (index % 2 ? a : b).sessions.updateIfVersion(session.ref, 1, { logLevel: `level-${index}` }, NOW),
          ),
        );
        expect(values).toHaveLength(1);
        expect(errors).toHaveLength(19);
        for (const error of errors) {
          expect(error).toBeInstanceOf(VersionConflict);
          expect(error).toMatchObject({ expectedVersion: 1, currentVersion: 2 });
        }
        expect((await a.sessions.find(session.ref, NOW))?.logLevel).toBe(values[0]?.logLevel);
      });

      // Catches: a version beyond the integers of a store, which fails there as a fault of the store's.
      it.each([0, 2, 2 ** 31, Number.MAX_SAFE_INTEGER])('refuses the version %d', async (expectedVersion) => {
        const session = newSession();
        await a.sessions.create(session);
        await expect(
          b.sessions.updateIfVersion(session.ref, expectedVersion, { logLevel: 'x' }, NOW),
        ).rejects.toMatchObject({ code: 'version_conflict', expectedVersion, currentVersion: 1 });
        expect(await a.sessions.find(session.ref, NOW)).toEqual(session);
      });

      it('throws SessionNotFound on an unknown and on an expired session', async () => {
        const session = newSession();
        await expect(a.sessions.updateIfVersion(session.ref, 1, { logLevel: 'x' }, NOW)).rejects.toThrow(
          SessionNotFound,
        );
        await a.sessions.create(session);
        await expect(
          a.sessions.updateIfVersion(session.ref, 1, { logLevel: 'x' }, session.expiresAt),
        ).rejects.toThrow(SessionNotFound);
        expect(await a.sessions.find(session.ref, NOW)).toEqual(session);
      });
    });

    describe('touch', () => {
      it('moves the expiry of many sessions at once, and not their version', async () => {
        const sessions = times(30, () => newSession());
        for (const session of sessions) await a.sessions.create(session);
        const at = NOW + 60_000;
        await a.sessions.touch(
          sessions.map(({ ref }) => ({ ref, lastSeenAt: at, expiresAt: at + HOUR })),
          at,
        );
        for (const session of sessions) {
          expect(await b.sessions.find(session.ref, session.expiresAt)).toEqual({
            ...session,
            lastSeenAt: at,
            expiresAt: at + HOUR,
          });
        }
      });

      it('accepts an empty list', async () => {
        await a.sessions.touch([], NOW);
      });

      // Catches: a plain assignment, with which a slow instance would shorten a session's life.
      it('never moves a time backwards', async () => {
        const session = newSession();
        await a.sessions.create(session);
        await a.sessions.touch([{ ref: session.ref, lastSeenAt: NOW - 5, expiresAt: NOW + 5 }], NOW);
        expect(await a.sessions.find(session.ref, NOW)).toEqual(session);
        await a.sessions.touch([{ ref: session.ref, lastSeenAt: NOW + 7, expiresAt: NOW + 5 }], NOW);
        expect(await a.sessions.find(session.ref, NOW)).toEqual({ ...session, lastSeenAt: NOW + 7 });
      });

      // Catches: an upsert (on DynamoDB a plain update creates a partial item), and a missing expiry check.
      it('brings back neither an unknown, nor an expired, nor a deleted session', async () => {
        const unknown = newSession();
        const expired = newSession({ expiresAt: NOW });
        const deleted = newSession();
        const live = newSession();
        for (const session of [expired, deleted, live]) await a.sessions.create(session);
        await a.sessions.delete(deleted.ref, NOW);
        await a.sessions.touch(
          [unknown, expired, deleted, live].map(({ ref }) => ({
            ref,
            lastSeenAt: NOW + 1,
            expiresAt: NOW + 2 * HOUR,
          })),
          NOW,
        );
        for (const { ref } of [unknown, expired, deleted]) {
          expect(await a.sessions.find(ref, NOW)).toBeUndefined();
        }
        expect(await harness.countRows(unknown.ref)).toBe(0);
        expect(await harness.countRows(deleted.ref)).toBe(0);
        expect((await a.sessions.find(live.ref, NOW))?.expiresAt).toBe(NOW + 2 * HOUR);
      });
    });

    describe('delete', () => {
      it('removes the session, its values and its events from the engine, and says whether it was there', async () => {
        const session = newSession();
        await a.sessions.create(session);
        for (const key of ['x', 'y']) {
          await a.sessions.storeValue(session, { key, json: '1', limits: ROOM }, NOW);
        }
        await a.events.append(
          session,
          { stream: 's', data: ['1', '2'], expiresAt: session.endsAt, keep: 10 },
          NOW,
        );
        expect(await harness.countRows(session.ref)).toBeGreaterThanOrEqual(5);
        expect(await b.sessions.delete(session.ref, NOW)).toBe(true);
        expect(await harness.countRows(session.ref)).toBe(0);
        expect(await b.sessions.delete(session.ref, NOW)).toBe(false);
        expect(await a.sessions.find(session.ref, NOW)).toBeUndefined();
      });

      it('leaves other sessions alone', async () => {
        const [one, other] = [newSession(), newSession()];
        for (const session of [one, other]) {
          await a.sessions.create(session);
          await a.sessions.storeValue(session, { key: 'k', json: '1', limits: ROOM }, NOW);
        }
        await a.sessions.delete(one.ref, NOW);
        expect(await a.sessions.readValue(other, 'k', NOW)).toMatchObject({ json: '1' });
      });

      it('says that an expired session was not there', async () => {
        const session = newSession();
        await a.sessions.create(session);
        expect(await a.sessions.delete(session.ref, session.expiresAt)).toBe(false);
      });

      // Catches: a write that re-creates what the delete removed.
      it('racing 30 writers leaves nothing behind that can be seen', async () => {
        const session = newSession();
        await a.sessions.create(session);
        await a.sessions.storeValue(session, { key: 'key-0', json: '0', limits: ROOM }, NOW);
        const writes = times(30, (index) =>
          (index % 2 ? a : b).sessions.storeValue(
            session,
            { key: `key-${index % 10}`, json: String(index), limits: ROOM },
            NOW,
          ),
        );
        const deleted = b.sessions.delete(session.ref, NOW);
        const { errors } = await outcomes(writes);
        expect(await deleted).toBe(true);
        for (const error of errors) expect(error).toBeInstanceOf(SessionNotFound);
        for (const store of [a, b]) {
          expect(await store.sessions.find(session.ref, NOW)).toBeUndefined();
          await expect(store.sessions.readValue(session, 'key-0', NOW)).rejects.toThrow(SessionNotFound);
          await expect(
            store.sessions.storeValue(session, { key: 'key-0', json: '1', limits: ROOM }, NOW),
          ).rejects.toThrow(SessionNotFound);
        }
      });
    });

    describe('deleteExpired', () => {
      it('removes what expired with all its data, and nothing else', async () => {
        const dead = times(5, () => newSession({ expiresAt: NOW + 10 }));
        const alive = newSession();
        for (const session of [...dead, alive]) {
          await a.sessions.create(session);
          await a.sessions.storeValue(session, { key: 'k', json: '1', limits: ROOM }, NOW);
          await a.events.append(
            session,
            { stream: 's', data: ['1'], expiresAt: session.endsAt, keep: 10 },
            NOW,
          );
        }
        const { sessions: removed } = await a.sessions.deleteExpired(NOW + 10, 10_000);
        const left = await Promise.all(dead.map(({ ref }) => harness.countRows(ref)));
        if (harness.capabilities.sweeps) {
          expect(removed).toBeGreaterThanOrEqual(5);
          expect(left).toEqual([0, 0, 0, 0, 0]);
        } else {
          // The engine removes them by their TTL attribute; the adapter's own test looks at that attribute.
          expect(removed).toBe(0);
        }
        expect(await a.sessions.find(alive.ref, NOW + 10)).toBeDefined();
        expect(await a.sessions.readValue(alive, 'k', NOW + 10)).toMatchObject({ json: '1' });
        expect(await a.events.lastSequence(alive, 's', NOW + 10)).toBe(1);
      });

      it('removes all that expired when called again and again, also from two instances at once', async () => {
        const dead = times(23, () => newSession({ expiresAt: NOW - 2 * HOUR }));
        for (const session of dead) await a.sessions.create(session);
        if (!harness.capabilities.sweeps) return;
        for (let round = 0; round < 30; round += 1) {
          await Promise.all([
            a.sessions.deleteExpired(NOW - 2 * HOUR, 5),
            b.sessions.deleteExpired(NOW - 2 * HOUR, 5),
          ]);
        }
        const left = await Promise.all(dead.map(({ ref }) => harness.countRows(ref)));
        expect(left.reduce((sum, rows) => sum + rows, 0)).toBe(0);
      });
    });
  });
}
