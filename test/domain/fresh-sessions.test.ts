import { LRUCache } from 'lru-cache';
import { expect, it } from 'vitest';
import { FreshSessions } from '../../src/domain/fresh-sessions.ts';
import type { SessionRef } from '../../src/domain/session.ts';
import type { CachedSession } from '../../src/ports/session-cache.ts';
import { NOW, newSession } from '../contract/fixtures.ts';

const FOR_MS = 1_000;

const [a, b, c] = ['a', 'b', 'c'] as SessionRef[] as [SessionRef, SessionRef, SessionRef];

// Catches: records of sessions that nobody asks for again, kept and watched until others push them out; one that goes
// although it was read anew; one that goes a moment early.
it('records go when they are out of date and another comes in', () => {
  const released: string[] = [];
  const lru = new LRUCache<SessionRef, CachedSession>({ max: 10, dispose: ({ release }) => release() });
  const cache = new FreshSessions(lru, FOR_MS);
  const set = (ref: SessionRef, readAt: number): void => {
    const release = (): void => void released.push(`${ref} of ${readAt - NOW}`);
    cache.set(ref, { session: newSession({ ref }), readAt, release });
  };
  set(a, NOW);
  set(b, NOW + 1);
  set(a, NOW + 2);
  expect(released).toEqual(['a of 0']);
  set(c, NOW + FOR_MS);
  expect(released).toEqual(['a of 0']);
  set(c, NOW + FOR_MS + 1);
  expect(released).toEqual(['a of 0', `c of ${FOR_MS}`, 'b of 1']);
  expect([cache.get(a)?.readAt, cache.get(b)]).toEqual([NOW + 2, undefined]);
  cache.delete(a);
  set(b, NOW + 2 * FOR_MS + 1);
  expect(released.slice(3)).toEqual(['a of 2', `c of ${FOR_MS + 1}`]);
  expect(lru.size).toBe(1);
});
