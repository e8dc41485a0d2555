import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SessionExists } from '../../src/domain/errors.ts';
import { PRINCIPAL_BYTES } from '../../src/domain/limits.ts';
import type { Principal } from '../../src/domain/principal.ts';
import type { Session, SessionRef } from '../../src/domain/session.ts';
import type { SessionDirectoryPage, SessionPosition } from '../../src/ports/session-directory.ts';
import type { Store } from '../../src/ports/store.ts';
import { HOUR, NOW, newSession, ROOM, times } from './fixtures.ts';
import type { HarnessFactory, StoreHarness } from './harness.ts';

const ALL = 1_000;

/** `SessionDirectory`. Two instances, `a` and `b`, on one engine; each test has a principal of its own. */
export function sessionDirectoryContract(makeHarness: HarnessFactory): void {
  describe('session directory', () => {
    let harness: StoreHarness;
    let a: Store;
    let b: Store;
    let principal: Principal;

    beforeAll(async () => {
      harness = await makeHarness();
      a = await harness.open();
      b = await harness.open();
    });
    afterAll(() => harness?.close());
    beforeEach(() => {
      principal = { issuer: 'https://issuer.example', subject: randomBytes(8).toString('hex') };
    });

    const open = async (overrides: Partial<Session> = {}): Promise<Session> => {
      const session = newSession({ principal, ...overrides });
      await a.sessions.create(session);
      return session;
    };
    const page = (limit: number, after?: SessionPosition, now = NOW): Promise<SessionDirectoryPage> =>
      b.directory.list(principal, { limit, after }, now);
    const listed = async (now = NOW, of = principal): Promise<readonly Session[]> =>
      (await b.directory.list(of, { limit: ALL }, now)).sessions;
    const refs = (sessions: readonly Session[]): string[] => sessions.map(({ ref }) => ref);
    /** All pages of `limit`, with `between` called after each. */
    const pages = async (limit: number, between = async (_page: SessionDirectoryPage) => {}) => {
      const found: Session[] = [];
      let more = true;
      while (more) {
        const next = await page(limit, found.at(-1));
        if (next.more) expect(next.sessions).toHaveLength(limit);
        // A list that does not come forward would not come to an end.
        if (found.length > 0) expect(next.sessions.map(({ ref }) => ref)).not.toContain(found.at(-1)?.ref);
        found.push(...next.sessions);
        more = next.more;
        await between(next);
      }
      return refs(found);
    };

    it('lists nothing of a principal that has no sessions', async () => {
      expect(await page(10)).toEqual({ sessions: [], more: false });
    });

    it('lists sessions as they are found, with all that has changed about them', async () => {
      const session = await open({ idleMs: 5_000, subscriptions: ['file:///a'] });
      await a.sessions.updateIfVersion(session.ref, 1, { logLevel: 'error' }, NOW);
      await a.sessions.storeValue(session, { key: 'k', json: '1', limits: ROOM }, NOW);
      const touch = { ref: session.ref, lastSeenAt: NOW + 1, expiresAt: NOW + 2 * HOUR };
      await a.sessions.touch([touch], NOW);
      const found = await a.sessions.find(session.ref, NOW);
      expect(found).toMatchObject({ valueCount: 1, logLevel: 'error', expiresAt: NOW + 2 * HOUR });
      expect(await page(10)).toEqual({ sessions: [found], more: false });
    });

    // Catches: issuer and subject put together without saying where the one ends; a match of one of the two.
    it('lists only those of exactly that issuer and that subject', async () => {
      const { subject: own } = principal;
      const pairs = [
        ['a', `bc${own}`],
        ['ab', `c${own}`],
        ['a', `b${own}`],
        ['ab', `bc${own}`],
        [`bc${own}`, 'a'],
        ['a"', `,"b${own}`],
        ['a","', `b${own}`],
        ['a#', `b${own}`],
        ['a', `#b${own}`],
        ['A', `bc${own}`],
        ['a', `bc${own} `],
        ['', `abc${own}`],
        [`abc${own}`, ''],
      ].map(([issuer, subject]) => ({ issuer, subject }) as Principal);
      const sessions: Session[] = [];
      for (const each of pairs) sessions.push(await open({ principal: each }));
      for (const [index, each] of pairs.entries()) expect(await listed(NOW, each)).toEqual([sessions[index]]);
      expect(await listed(NOW, { issuer: 'a', subject: own })).toEqual([]);
    });

    // Catches: an index that cannot hold them, with which the session cannot be opened.
    it('lists those of a principal with the longest name allowed', async () => {
      const long = randomBytes(PRINCIPAL_BYTES / 2).toString('hex');
      const [issuer, subject] = [long.slice(0, 100), long.slice(100)];
      const session = await open({ principal: { issuer, subject } });
      expect(await listed(NOW, { issuer, subject })).toEqual([session]);
      expect(await listed(NOW, { issuer, subject: subject.slice(0, -1) })).toEqual([]);
    });

    it('lists sessions without a principal for nobody', async () => {
      const anonymous = await open({ principal: undefined });
      for (const name of ['', 'undefined', 'null', anonymous.ref]) {
        expect(await listed(NOW, { issuer: name, subject: name })).toEqual([]);
      }
    });

    // Catches: `<` for `<=`, and a list that shows what has expired until a sweep, or as it was when it was opened.
    it('lists a session to the millisecond before it expires, also when that was put off', async () => {
      const [used, unused] = [await open({ createdAt: NOW - 1 }), await open()];
      const touch = { ref: used.ref, lastSeenAt: NOW + 1, expiresAt: NOW + 2 * HOUR };
      await a.sessions.touch([touch], NOW);
      expect(refs(await listed(NOW + HOUR - 1))).toEqual([used.ref, unused.ref]);
      expect(refs(await listed(NOW + HOUR))).toEqual([used.ref]);
      expect(refs(await listed(NOW + 2 * HOUR - 1))).toEqual([used.ref]);
      expect(await listed(NOW + 2 * HOUR)).toEqual([]);
    });

    it('lists nothing that was deleted, and leaves nothing of it behind', async () => {
      const [deleted, left] = [await open(), await open()];
      await a.sessions.delete(deleted.ref, NOW);
      expect(await listed()).toEqual([left]);
      expect(await harness.countRows(deleted.ref)).toBe(0);
      await b.sessions.deleteExpired(left.expiresAt, 1_000);
      expect(await listed(left.expiresAt)).toEqual([]);
    });

    // Catches: an entry that is written after the session, or read as it was a moment ago.
    it('lists a session from the moment it is created, whichever instance is asked', async () => {
      const seen = times(20, async (index) => {
        const [creator, reader] = index % 2 ? [a, b] : [b, a];
        const session = newSession({ principal });
        await creator.sessions.create(session);
        return refs((await reader.directory.list(principal, { limit: ALL }, NOW)).sessions).includes(
          session.ref,
        );
      });
      expect(await Promise.all(seen)).toEqual(times(20, () => true));
    });

    // Catches: a creation that fails and takes the other's entry along, or moves it, or has it listed twice or for
    // another.
    it('lists a session as before when its reference was to be taken once more', async () => {
      const session = await open();
      const other = { ...principal, issuer: 'https://other.example' };
      const again = [
        session,
        { ...session, endsAt: session.expiresAt },
        { ...session, createdAt: NOW - 1 },
        { ...session, createdAt: NOW + 1 },
        { ...session, principal: other },
        { ...session, principal: undefined },
      ];
      for (const each of again) await expect(b.sessions.create(each)).rejects.toThrow(SessionExists);
      expect(await listed()).toEqual([session]);
      expect(await page(1)).toEqual({ sessions: [session], more: false });
      expect(await listed(NOW, other)).toEqual([]);
    });

    /** In the order in which they are to be listed; created in another. */
    const ordered = async (): Promise<string[]> => {
      const tied = ['-', '0', '9', 'A', 'Z', '_', 'a', 'z'].map((first, index) => ({
        createdAt: NOW,
        ref: `${first}${principal.subject}${index}` as SessionRef,
      }));
      const positions: Partial<Session>[] = [
        // Times of 12 and of 13 digits.
        { createdAt: 999_999_999_999 },
        { createdAt: 1_000_000_000_000 },
        ...tied,
        // A position in seconds, as a floating point number, is not exact to the millisecond.
        ...times(12, (index) => ({ createdAt: NOW + 1 + index })),
      ];
      const created = new Map<number, Session>();
      for (const index of times(positions.length, (each) => (each * 7) % positions.length)) {
        created.set(index, await open(positions[index]));
      }
      return positions.map((_, index) => (created.get(index) as Session).ref);
    };

    // Catches: an order by reference alone or by a collation, times compared as text, and a page that is short or
    // repeats at a limit that falls between sessions of one millisecond.
    it('lists in the order of creation, and all of them once, whatever the limit', async () => {
      const expected = await ordered();
      expect(refs(await listed())).toEqual(expected);
      for (const limit of [1, 2, 3, 5, expected.length - 1, expected.length, expected.length + 1]) {
        expect(await pages(limit), `pages of ${limit}`).toEqual(expected);
      }
    });

    // Catches: a cursor by number (`offset`), or one that is lost with the session at which it stands.
    it('pages on unmoved where sessions come and go', async () => {
      const expected = await ordered();
      const gone = new Set<string>();
      const found = await pages(3, async ({ sessions }) => {
        const last = sessions.at(-1);
        if (last === undefined || gone.size > 6) return;
        // The one at which the next page begins, one before it, one behind it.
        const at = expected.indexOf(last.ref);
        for (const ref of [expected[at], expected[at - 1], expected[at + 2]]) {
          if (ref === undefined) continue;
          await a.sessions.delete(ref as SessionRef, NOW);
          gone.add(ref);
        }
        await open({ createdAt: last.createdAt - 1 });
        await open({ createdAt: NOW + 100 });
      });
      expect(gone.size).toBeGreaterThan(5);
      const survivors = expected.filter((ref) => !gone.has(ref));
      expect(found.filter((ref) => survivors.includes(ref))).toEqual(survivors);
      expect(new Set(found).size).toBe(found.length);
    });

    it('goes on from a place where there never was a session', async () => {
      const [one, other] = [await open(), await open({ createdAt: NOW + 2 })];
      const [before, between, behind] = [NOW - 1, NOW + 1, NOW + 3].map((createdAt) => ({
        createdAt,
        ref: one.ref,
      }));
      expect(await page(5, before)).toEqual({ sessions: [one, other], more: false });
      expect(await page(5, between)).toEqual({ sessions: [other], more: false });
      expect(await page(5, behind)).toEqual({ sessions: [], more: false });
    });

    // Catches: sessions of others, or of nobody; what expired or was deleted; a count that runs on for ever, or is one
    // short.
    it('counts as it lists, up to the most that is asked for', async () => {
      const count = (most: number, now = NOW): Promise<number> => b.directory.count(principal, most, now);
      expect(await count(3)).toBe(0);
      await open({ principal: undefined });
      await open({ principal: { ...principal, issuer: 'https://other.example' } });
      const sessions = [await open(), await open({ expiresAt: NOW + 1 }), await open()];
      for (const [most, counted] of [
        [1, 1],
        [2, 2],
        [3, 3],
        [4, 3],
      ] as const) {
        expect(await count(most)).toBe(counted);
      }
      // Of those that are gone a store knows where it matters.
      expect(await count(3, NOW + 1)).toBe(2);
      await a.sessions.delete((sessions[0] as Session).ref, NOW + 1);
      expect(await count(2, NOW + 1)).toBe(1);
      expect(await count(1, NOW + 1)).toBe(1);
    });

    it('counts a session from the moment it is created, whichever instance is asked', async () => {
      for (let count = 1; count <= 10; count += 1) {
        const [creator, counter] = count % 2 ? [a, b] : [b, a];
        await creator.sessions.create(newSession({ principal }));
        expect(await counter.directory.count(principal, ALL, NOW)).toBe(count);
      }
    });

    // Catches: a page that is empty, or says that nothing follows, because all that was looked at is gone; more
    // than an engine reads at a time.
    it('fills its pages past many that are gone', async () => {
      const dead = times(115, (index) => ({ createdAt: NOW - 200 + index, expiresAt: NOW }));
      const live = times(5, (index) => ({ createdAt: NOW + index }));
      const created = [...dead, ...live].map((overrides) => newSession({ principal, ...overrides }));
      await Promise.all(created.map((session) => a.sessions.create(session)));
      expect(refs(await listed(NOW - 1))).toEqual(refs(created));
      const expected = refs(created.slice(-5));
      const first = await page(2);
      expect([refs(first.sessions), first.more]).toEqual([expected.slice(0, 2), true]);
      for (const limit of [1, 4, 5]) expect(await pages(limit)).toEqual(expected);
    });
  });
}
