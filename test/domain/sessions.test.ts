import { LRUCache } from 'lru-cache';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryStore, type SharedMemory, sharedMemory } from '../../src/adapters/memory/store.ts';
import { SessionNotFound, StoreUnavailable } from '../../src/domain/errors.ts';
import { DEFAULT_LIMITS, PRINCIPAL_BYTES } from '../../src/domain/limits.ts';
import { type SessionRef, sessionRef } from '../../src/domain/session.ts';
import { SessionState } from '../../src/domain/session-state.ts';
import { connectionTarget } from '../../src/domain/session-target.ts';
import { SESSION_CACHE_MS, Sessions } from '../../src/domain/sessions.ts';
import type { CachedSession } from '../../src/ports/session-cache.ts';
import type { Store } from '../../src/ports/store.ts';
import { HOUR, NOW } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { onceInstance } from '../support/once-lab.ts';

const ORIGIN = { principal: undefined, initialize: undefined, protocolVersion: '2025-11-25' };
const DAY = 24 * HOUR;
const MINUTE = 60_000;

interface Instance {
  readonly sessions: Sessions;
  readonly store: Store;
  readonly errors: unknown[];
  state(id: string): SessionState;
}

let clock: FakeClock;
let shared: SharedMemory;

interface InstanceOptions {
  /** Gets no signals: they are lost, or the store has none. */
  readonly deaf?: 'signals are lost' | 'no signals';
  readonly idleMs?: number;
  readonly maxLifetimeMs?: number;
}

/** An instance over the shared store. */
function instance(options: InstanceOptions = {}): Instance {
  const store = memoryStore(shared);
  const errors: unknown[] = [];
  const sessions = new Sessions({
    repository: store.sessions,
    signals:
      options.deaf === undefined
        ? store.signals
        : {
            tellsOfSessions: options.deaf === 'signals are lost',
            publish: async () => {},
            watch: () => () => {},
          },
    cache: new LRUCache<SessionRef, CachedSession>({ max: 100, dispose: ({ release }) => release() }),
    clock,
    lifetime: { idleMs: options.idleMs ?? DAY, maxLifetimeMs: options.maxLifetimeMs ?? 30 * DAY },
    onError: (error) => errors.push(error),
  });
  const { once } = onceInstance(store, clock);
  const state = (id: string): SessionState =>
    new SessionState(connectionTarget(id, sessions), {
      sessions,
      repository: store.sessions,
      limits: DEFAULT_LIMITS,
      once,
    });
  return { sessions, store, errors, state };
}

beforeEach(() => {
  clock = new FakeClock(NOW);
  shared = sharedMemory();
});

describe('a session', () => {
  it('opened on one instance is resolved on another', async () => {
    const { id, session } = await instance().sessions.open(ORIGIN);
    expect(await instance().sessions.resolve(id, undefined)).toEqual(session);
  });

  // Catches: a store that a stolen dump of opens sessions.
  it('is stored without its id', async () => {
    const { id } = await instance().sessions.open(ORIGIN);
    await instance().state(id).set('k', 1);
    expect(JSON.stringify([...shared.data.sessions])).not.toContain(id);
  });

  it('of another principal does not exist', async () => {
    const alice = { issuer: 'https://i', subject: 'alice' };
    const { sessions } = instance();
    const { id } = await sessions.open({ ...ORIGIN, principal: alice });
    expect(await sessions.resolve(id, { ...alice })).toBeDefined();
    for (const other of [undefined, { ...alice, subject: 'bob' }, { ...alice, issuer: 'https://j' }]) {
      await expect(sessions.resolve(id, other)).rejects.toThrow(SessionNotFound);
      await expect(sessions.close(sessionRef(id), other)).rejects.toThrow(SessionNotFound);
    }
    expect(await sessions.resolve(id, alice)).toBeDefined();
  });

  // Catches: an answer that comes at once where a session is there and somebody else's, since its record is at hand,
  // and after a look at the store where there is none.
  it('of another principal costs the look at the store that one that never was does', async () => {
    const { sessions, store } = instance();
    const { id } = await sessions.open({ ...ORIGIN, principal: { issuer: 'https://i', subject: 'alice' } });
    const find = vi.spyOn(store.sessions, 'find');
    for (const certain of [false, true]) {
      for (const name of [id, 'never-was']) {
        find.mockClear();
        // Together they share one.
        const asked = [1, 2].map(() => sessions.resolve(name, undefined, { certain }));
        for (const each of await Promise.allSettled(asked))
          expect(each).toMatchObject({ status: 'rejected' });
        expect(find.mock.calls.length, `${name}, certain: ${certain}`).toBe(certain ? 2 : 1);
      }
    }
  });
});

// Catches: a session that one store refuses to keep, and another keeps as another principal's.
describe('a principal', () => {
  it.each([
    ['a NUL', 'a\0'],
    ['a lone surrogate', 'a\ud800'],
    ['a byte too many', 'é'.repeat(PRINCIPAL_BYTES / 2 - 1)],
  ])('with %s opens no session', async (_, text) => {
    const { sessions } = instance();
    const fill = 'abc';
    for (const principal of [
      { issuer: text, subject: fill },
      { issuer: fill, subject: text },
    ]) {
      await expect(sessions.open({ ...ORIGIN, principal })).rejects.toThrow(/^principal: /);
    }
    expect(shared.data.sessions.size).toBe(0);
  });

  it('as long as allowed opens one', async () => {
    const { sessions } = instance();
    const principal = { issuer: 'i', subject: 's'.repeat(PRINCIPAL_BYTES - 1) };
    const { id } = await sessions.open({ ...ORIGIN, principal });
    expect(await sessions.resolve(id, principal)).toBeDefined();
  });
});

describe('expiry', () => {
  it('is the idle time after the last use, to the millisecond', async () => {
    const { sessions } = instance({ idleMs: HOUR });
    const { id } = await sessions.open(ORIGIN);
    await clock.advance(HOUR - 1);
    expect(await sessions.resolve(id, undefined)).toBeDefined();
    await clock.advance(HOUR);
    await expect(sessions.resolve(id, undefined)).rejects.toThrow(SessionNotFound);
  });

  // Catches: a use within the coalescing interval that is never written, which ends the session early.
  it('counts from the very last use on every instance, also when that use was not written at once', async () => {
    const a = instance({ idleMs: HOUR });
    const { id } = await a.sessions.open(ORIGIN);
    await clock.advance(MINUTE / 2);
    await a.sessions.resolve(id, undefined);
    await clock.advance(HOUR - 1);
    expect(await instance({ idleMs: HOUR }).sessions.resolve(id, undefined)).toBeDefined();
  });

  it.each([4_000, 1_000, 40])(
    'holds for an idle time of %i ms with use at every half of it',
    async (idleMs) => {
      const [a, b] = [instance({ idleMs }), instance({ idleMs, deaf: 'signals are lost' })];
      const { id } = await a.sessions.open(ORIGIN);
      for (let use = 0; use < 20; use += 1) {
        await clock.advance(idleMs / 2);
        await (use % 2 ? a : b).sessions.resolve(id, undefined);
      }
      await clock.advance(idleMs);
      await expect(a.sessions.resolve(id, undefined)).rejects.toThrow(SessionNotFound);
    },
  );

  describe('of a session with an idle time of its own', () => {
    // Catches: expiry or intervals by the service's idle time, in which such a session expires while it is used, or
    // lives on for a day after it.
    it.each([1_000, 2_000, 40])(
      'is %i ms after the last use, on instances that let others be unused for a day',
      async (idleMs) => {
        const [a, b] = [instance(), instance({ deaf: 'signals are lost' })];
        const { id, session } = await a.sessions.open({ ...ORIGIN, idleMs });
        expect(session.expiresAt).toBe(NOW + idleMs);
        for (let use = 0; use < 20; use += 1) {
          await clock.advance(use % 3 === 0 ? idleMs - 1 : idleMs / 5);
          await (use % 2 ? a : b).sessions.resolve(id, undefined);
        }
        const lastUse = clock.now();
        await clock.advance(idleMs / 2);
        expect(await a.store.sessions.find(session.ref, lastUse + idleMs - 1)).toBeDefined();
        expect(await a.store.sessions.find(session.ref, lastUse + idleMs)).toBeUndefined();
      },
    );

    it('is that long after the last use also where others may be unused for a second', async () => {
      const { sessions } = instance({ idleMs: 1_000 });
      const { id } = await sessions.open({ ...ORIGIN, idleMs: HOUR });
      for (const ms of [HOUR - 1, MINUTE, HOUR - 1]) {
        await clock.advance(ms);
        expect(await sessions.resolve(id, undefined)).toMatchObject({ expiresAt: clock.now() + HOUR });
      }
    });

    it('is not later than its absolute end', async () => {
      const { sessions } = instance({ maxLifetimeMs: HOUR });
      const { session } = await sessions.open({ ...ORIGIN, idleMs: 2 * HOUR });
      expect(session).toMatchObject({ expiresAt: NOW + HOUR, idleMs: 2 * HOUR });
    });

    it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('is refused to be %d ms', async (idleMs) => {
      await expect(instance().sessions.open({ ...ORIGIN, idleMs })).rejects.toThrow(/^idleMs: /);
      expect(shared.data.sessions.size).toBe(0);
    });
  });

  it('is at the latest at the absolute end, however busy the session is', async () => {
    const { sessions } = instance({ idleMs: HOUR, maxLifetimeMs: 3 * HOUR });
    const { id } = await sessions.open(ORIGIN);
    for (let passed = 0; passed < 3 * HOUR - HOUR / 2; passed += HOUR / 2) {
      await sessions.resolve(id, undefined);
      await clock.advance(HOUR / 2);
    }
    expect((await sessions.resolve(id, undefined)).expiresAt).toBe(NOW + 3 * HOUR);
    await clock.advance(HOUR / 2);
    await expect(sessions.resolve(id, undefined)).rejects.toThrow(SessionNotFound);
  });
});

describe('activity', () => {
  it('is written at most once in 60 s per session, for all sessions in one statement', async () => {
    const { sessions, store } = instance();
    const ids = [];
    for (let index = 0; index < 5; index += 1) ids.push((await sessions.open(ORIGIN)).id);
    const touch = vi.spyOn(store.sessions, 'touch');
    for (let second = 0; second < 59; second += 1) {
      for (const id of ids) await sessions.resolve(id, undefined);
      await clock.advance(1_000);
    }
    expect(touch).not.toHaveBeenCalled();
    await clock.advance(1_000);
    expect(touch).toHaveBeenCalledTimes(1);
    expect(touch.mock.calls[0]?.[0]).toHaveLength(5);
  });

  // Catches: one timer for all, set to the shortest interval.
  it('is written no more often for the sake of a session that needs it', async () => {
    const { sessions, store } = instance();
    const [long, short] = [await sessions.open(ORIGIN), await sessions.open({ ...ORIGIN, idleMs: 1_000 })];
    const touch = vi.spyOn(store.sessions, 'touch');
    for (let use = 0; use < 300; use += 1) {
      for (const { id } of [long, short]) await sessions.resolve(id, undefined);
      await clock.advance(200);
    }
    const writes = ({ session: { ref } }: typeof long): number =>
      touch.mock.calls.filter(([touches]) => touches.some((each) => each.ref === ref)).length;
    expect(writes(long)).toBe(1);
    expect(writes(short)).toBeGreaterThan(100);
    expect(writes(short)).toBeLessThanOrEqual(241);
  });

  it('of concurrent requests is written once', async () => {
    const { sessions, store } = instance();
    const { id } = await sessions.open(ORIGIN);
    await clock.advance(2 * MINUTE);
    const touch = vi.spyOn(store.sessions, 'touch');
    await Promise.all(Array.from({ length: 20 }, () => sessions.resolve(id, undefined)));
    expect(touch).toHaveBeenCalledTimes(1);
  });

  // Catches: a use that only waited for the write of an earlier one, and so was never written itself.
  it('that comes while an earlier one is being written is written too', async () => {
    const { sessions, store } = instance({ idleMs: 1_000 });
    const { id, session } = await sessions.open(ORIGIN);
    await clock.advance(500);
    const touch = store.sessions.touch.bind(store.sessions);
    vi.spyOn(store.sessions, 'touch').mockImplementationOnce(async (...args) => {
      await new Promise<void>((resolve) => clock.schedule(200, resolve));
      await touch(...args);
    });
    const first = sessions.resolve(id, undefined);
    // Lets the request come as far as the store, before the time moves on.
    await clock.advance(0);
    await clock.advance(100);
    const second = sessions.resolve(id, undefined);
    await clock.advance(0);
    await clock.advance(400);
    await Promise.all([first, second]);
    expect(await sessions.fresh(session.ref)).toMatchObject({
      lastSeenAt: NOW + 600,
      expiresAt: NOW + 1_600,
    });
  });

  it('that could not be written is kept and tried again', async () => {
    const a = instance({ idleMs: HOUR });
    const { id } = await a.sessions.open(ORIGIN);
    await clock.advance(1_000);
    await a.sessions.resolve(id, undefined);
    const touch = vi.spyOn(a.store.sessions, 'touch').mockRejectedValueOnce(new StoreUnavailable());
    await clock.advance(MINUTE);
    expect(a.errors).toHaveLength(1);
    await clock.advance(MINUTE);
    expect(touch).toHaveBeenCalledTimes(2);
    const stored = shared.data.sessions.values().next().value?.session;
    expect(stored).toMatchObject({ lastSeenAt: NOW + 1_000, expiresAt: NOW + 1_000 + HOUR });
  });

  it('that is due and cannot be written fails the request', async () => {
    const { sessions, store } = instance();
    const { id } = await sessions.open(ORIGIN);
    await clock.advance(2 * MINUTE);
    vi.spyOn(store.sessions, 'touch').mockRejectedValueOnce(new StoreUnavailable());
    await expect(sessions.resolve(id, undefined)).rejects.toThrow(StoreUnavailable);
    expect(await sessions.resolve(id, undefined)).toBeDefined();
  });

  // Catches: a use written twice, by a later one's write and by the timer; a timer of what a flush has written.
  it('is written by one timer, or by what comes before it', async () => {
    const { sessions, store } = instance();
    const { id, session } = await sessions.open(ORIGIN);
    const touch = vi.spyOn(store.sessions, 'touch');
    await clock.advance(MINUTE / 2);
    await sessions.resolve(id, undefined);
    // What another instance would do, which does not know of the use just gathered.
    sessions.forget(session.ref);
    await clock.advance(MINUTE / 2);
    await sessions.resolve(id, undefined);
    expect(touch).toHaveBeenCalledTimes(1);
    await clock.advance(MINUTE - 1);
    expect(touch).toHaveBeenCalledTimes(1);
    await sessions.resolve(id, undefined);
    await clock.advance(MINUTE / 2);
    await sessions.activity.flush();
    expect(touch).toHaveBeenCalledTimes(2);
    await sessions.resolve(id, undefined);
    await clock.advance(MINUTE - 1);
    expect(touch).toHaveBeenCalledTimes(2);
    await clock.advance(1);
    expect(touch).toHaveBeenCalledTimes(3);
  });

  // Catches: what was gathered dropped by the write that was to take its place, and failed.
  it('that was gathered is written though that of a later one fails', async () => {
    const { sessions, store } = instance();
    const { id, session } = await sessions.open(ORIGIN);
    await clock.advance(MINUTE / 2);
    await sessions.resolve(id, undefined);
    sessions.forget(session.ref);
    await clock.advance(MINUTE / 2);
    vi.spyOn(store.sessions, 'touch').mockRejectedValueOnce(new StoreUnavailable());
    await expect(sessions.resolve(id, undefined)).rejects.toThrow(StoreUnavailable);
    await clock.advance(MINUTE);
    expect(await sessions.fresh(session.ref)).toMatchObject({ lastSeenAt: NOW + MINUTE / 2 });
  });

  // Catches: a request that has what is gathered written, and when it fails leaves it without a timer.
  it('that a request could not have written early is written on time', async () => {
    const a = instance();
    const { id, session } = await a.sessions.open(ORIGIN);
    await clock.advance(1_000);
    await a.sessions.resolve(id, undefined);
    vi.spyOn(a.store.sessions, 'touch').mockRejectedValueOnce(new StoreUnavailable());
    await expect(a.state(id).info()).rejects.toThrow(StoreUnavailable);
    await clock.advance(MINUTE);
    expect(await a.sessions.fresh(session.ref)).toMatchObject({ lastSeenAt: NOW + 1_000 });
    expect(a.errors).toEqual([]);
  });
});

describe('what is told of a session', () => {
  // Catches: a look at one session that writes down the use of all others, and fails with that.
  it('counts its own use, and writes no other’s', async () => {
    const { sessions, store, state } = instance();
    const [one, other] = [await sessions.open(ORIGIN), await sessions.open(ORIGIN)];
    await clock.advance(1_000);
    for (const { id } of [one, other]) await sessions.resolve(id, undefined);
    const touch = vi.spyOn(store.sessions, 'touch');
    expect(await state(one.id).info()).toMatchObject({ lastSeenAt: NOW + 1_000 });
    expect(touch.mock.calls.map(([touches]) => touches.map(({ ref }) => ref))).toEqual([[one.session.ref]]);
    touch.mockRejectedValueOnce(new StoreUnavailable());
    await sessions.resolve(one.id, undefined);
    await expect(state(one.id).info()).rejects.toThrow(StoreUnavailable);
    // It goes on waiting, and is written with the others.
    await clock.advance(MINUTE);
    expect(
      touch.mock.calls
        .at(-1)?.[0]
        .map(({ ref }) => ref)
        .sort(),
    ).toEqual([one.session.ref, other.session.ref].sort());
  });
});

describe('the session record', () => {
  // Catches: a read of the session for every call.
  it('is read from the store once within the cache’s age, and again after it', async () => {
    const { id } = await instance().sessions.open(ORIGIN);
    const { sessions, store } = instance();
    const find = vi.spyOn(store.sessions, 'find');
    await Promise.all(Array.from({ length: 10 }, () => sessions.resolve(id, undefined)));
    await clock.advance(SESSION_CACHE_MS - 1);
    await sessions.resolve(id, undefined);
    expect(find).toHaveBeenCalledTimes(1);
    await clock.advance(1);
    await sessions.resolve(id, undefined);
    expect(find).toHaveBeenCalledTimes(2);
  });

  it('of a session closed elsewhere is dropped at once on the signal', async () => {
    const [a, b] = [instance(), instance()];
    const { id } = await a.sessions.open(ORIGIN);
    await b.sessions.resolve(id, undefined);
    await a.sessions.close(sessionRef(id), undefined);
    await expect(b.sessions.resolve(id, undefined)).rejects.toThrow(SessionNotFound);
  });

  it('without a signal is dropped within 2 s, while state is refused at once', async () => {
    const [a, b] = [instance(), instance({ deaf: 'signals are lost' })];
    const { id } = await a.sessions.open(ORIGIN);
    await b.state(id).set('k', 1);
    await b.sessions.resolve(id, undefined);
    await a.sessions.close(sessionRef(id), undefined);
    await expect(b.state(id).get('k')).rejects.toThrow(SessionNotFound);
    const other = instance({ deaf: 'signals are lost' });
    expect(SESSION_CACHE_MS).toBeLessThan(2_000);
    await expect(other.sessions.resolve(id, undefined)).rejects.toThrow(SessionNotFound);
  });

  // Catches: an instance that has not heard of a DELETE yet, and answers for the session.
  it('that is only known from the cache is refused whenever the caller must be certain', async () => {
    const [a, b] = [instance(), instance({ deaf: 'signals are lost' })];
    const { id } = await a.sessions.open(ORIGIN);
    await b.sessions.resolve(id, undefined);
    await a.sessions.close(sessionRef(id), undefined);
    expect(await b.sessions.resolve(id, undefined)).toBeDefined();
    await expect(b.sessions.resolve(id, undefined, { certain: true })).rejects.toThrow(SessionNotFound);
    await expect(b.sessions.resolve(id, undefined)).rejects.toThrow(SessionNotFound);
  });

  it('that is only known from the cache is refused once its age is up', async () => {
    const [a, b] = [instance(), instance({ deaf: 'signals are lost' })];
    const { id } = await a.sessions.open(ORIGIN);
    await b.sessions.resolve(id, undefined);
    await a.sessions.close(sessionRef(id), undefined);
    expect(await b.sessions.resolve(id, undefined)).toBeDefined();
    await clock.advance(SESSION_CACHE_MS);
    await expect(b.sessions.resolve(id, undefined)).rejects.toThrow(SessionNotFound);
  });

  // Catches: a record that is new until the clock has caught up, an hour or a day later.
  it('from before the clock was set back is read again', async () => {
    const [a, b] = [instance(), instance({ deaf: 'signals are lost' })];
    const { id } = await a.sessions.open(ORIGIN);
    await b.sessions.resolve(id, undefined);
    await a.sessions.close(sessionRef(id), undefined);
    await clock.advance(-HOUR);
    await expect(b.sessions.resolve(id, undefined)).rejects.toThrow(SessionNotFound);
  });

  // Catches: a DELETE that is answered while other instances still serve the session, where nothing tells them.
  it('is nowhere served as it was once a change or an end is acknowledged, also without signals', async () => {
    const [a, b] = [instance({ deaf: 'no signals' }), instance({ deaf: 'no signals' })];
    const { id, session } = await a.sessions.open(ORIGIN);
    const whenDone = async (change: Promise<unknown>): Promise<void> => {
      let done = false;
      void change.then(() => {
        done = true;
      });
      for (let ms = 0; !done; ms += 10) {
        expect(ms).toBeLessThan(SESSION_CACHE_MS);
        // The worst instance: it asks the store just before.
        if (ms === 0) await b.sessions.resolve(id, undefined);
        await clock.advance(10);
      }
    };
    await whenDone(a.sessions.change(session.ref, () => ({ logLevel: 'error' })));
    expect(await b.sessions.resolve(id, undefined)).toMatchObject({ logLevel: 'error' });
    await whenDone(a.sessions.close(sessionRef(id), undefined));
    await expect(b.sessions.resolve(id, undefined)).rejects.toThrow(SessionNotFound);
  });

  // Catches: a slow read whose answer is kept although the session was closed while it was under way.
  it('read while the session was being closed is not kept', async () => {
    const [a, b] = [instance(), instance()];
    const { id } = await a.sessions.open(ORIGIN);
    let answer = (): void => {};
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const find = b.store.sessions.find.bind(b.store.sessions);
    vi.spyOn(b.store.sessions, 'find').mockImplementationOnce(async (ref, now) => {
      const session = await find(ref, now);
      await gate;
      return session;
    });
    const slow = b.sessions.resolve(id, undefined);
    await a.sessions.close(sessionRef(id), undefined);
    answer();
    await slow;
    await expect(b.sessions.resolve(id, undefined)).rejects.toThrow(SessionNotFound);
  });

  it('is watched for signals only while it is cached', async () => {
    const { sessions, store } = instance();
    let watching = 0;
    const watch = store.signals.watch.bind(store.signals);
    vi.spyOn(store.signals, 'watch').mockImplementation((...args) => {
      watching += 1;
      const release = watch(...args);
      return () => {
        watching -= 1;
        release();
      };
    });
    for (let index = 0; index < 150; index += 1) await sessions.open(ORIGIN);
    expect(watching).toBe(100);
    const { id } = await sessions.open(ORIGIN);
    await sessions.close(sessionRef(id), undefined);
    expect(watching).toBe(99);
  });
});

describe('change', () => {
  it('by many at once loses none of them', async () => {
    const instances = [instance(), instance({ deaf: 'signals are lost' }), instance()];
    const { session } = await (instances[0] as Instance).sessions.open(ORIGIN);
    let done = 0;
    const changes = Array.from({ length: 60 }, async (_, index) => {
      await (instances[index % 3] as Instance).sessions.change(session.ref, ({ subscriptions }) => ({
        subscriptions: [...subscriptions, `uri:${index}`],
      }));
      done += 1;
    });
    const all = Promise.all(changes);
    // Who lost waits a little.
    for (let turn = 0; done < changes.length && turn < 2_000; turn += 1) await clock.advance(10);
    await all;
    const stored = await (instances[0] as Instance).sessions.fresh(session.ref);
    expect(stored?.subscriptions).toHaveLength(60);
    expect(stored?.version).toBe(61);
  });
});

describe('state', () => {
  it('lists page by page', async () => {
    const a = instance();
    const { id } = await a.sessions.open(ORIGIN);
    const state = a.state(id);
    for (const key of ['a1', 'a2', 'a3', 'b']) await state.set(key, key);
    const first = await state.list({ prefix: 'a', limit: 2 });
    expect(first.values.map(({ key }) => key)).toEqual(['a1', 'a2']);
    const second = await state.list({ prefix: 'a', limit: 2, cursor: first.nextCursor });
    expect(second.values.map(({ key }) => key)).toEqual(['a3']);
    expect(second.nextCursor).toBeUndefined();
    for (const limit of [0, 1_001, 1.5]) await expect(state.list({ limit })).rejects.toThrow(/^limit: /);
    await expect(state.list({ prefix: 'b', cursor: first.nextCursor })).rejects.toThrow(/^cursor: /);
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 53])('refuses %d as an expected version', async (expectedVersion) => {
    const a = instance();
    const state = a.state((await a.sessions.open(ORIGIN)).id);
    await expect(state.set('k', 1, { expectedVersion })).rejects.toThrow(/^expected_version: /);
    await expect(state.delete('k', { expectedVersion })).rejects.toThrow(/^expected_version: /);
  });

  it('of two sessions is two states', async () => {
    const a = instance();
    const [one, other] = [(await a.sessions.open(ORIGIN)).id, (await a.sessions.open(ORIGIN)).id];
    await a.state(one).set('k', 'mine');
    expect(await a.state(other).get('k')).toBeUndefined();
  });
});
