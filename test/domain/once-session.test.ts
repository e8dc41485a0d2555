import { LRUCache } from 'lru-cache';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryStore, sharedMemory } from '../../src/adapters/memory/store.ts';
import { SessionNotFound } from '../../src/domain/errors.ts';
import { DEFAULT_LIMITS } from '../../src/domain/limits.ts';
import type { OnceCall } from '../../src/domain/once.ts';
import { type SessionRef, sessionRef } from '../../src/domain/session.ts';
import { SessionState } from '../../src/domain/session-state.ts';
import { handleTarget } from '../../src/domain/session-target.ts';
import { Sessions } from '../../src/domain/sessions.ts';
import type { CachedSession } from '../../src/ports/session-cache.ts';
import { HOUR, NOW } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { counting, never, onceInstance, slow } from '../support/once-lab.ts';

const MINUTE = 60_000;
const call: OnceCall = { scope: 'pay', key: 'k' };

let clock: FakeClock;
let one: Instance;
let other: Instance;
let id: string;

type Instance = ReturnType<typeof instanceOn>;

/** An instance whose sessions are gone after a minute without use. */
function instanceOn(shared: ReturnType<typeof sharedMemory>) {
  const store = memoryStore(shared);
  const { once, errors } = onceInstance(store, clock);
  const sessions = new Sessions({
    repository: store.sessions,
    signals: store.signals,
    cache: new LRUCache<SessionRef, CachedSession>({ max: 100, dispose: ({ release }) => release() }),
    clock,
    lifetime: { idleMs: MINUTE, maxLifetimeMs: HOUR },
    onError: (error) => errors.push(error),
  });
  const options = { sessions, repository: store.sessions, limits: DEFAULT_LIMITS, once };
  return {
    sessions,
    errors,
    state: (name = id) => new SessionState(handleTarget(name, undefined, sessions), options),
  };
}

beforeEach(async () => {
  clock = new FakeClock(NOW);
  const shared = sharedMemory();
  one = instanceOn(shared);
  other = instanceOn(shared);
  ({ id } = await one.sessions.open({ principal: undefined, initialize: undefined, protocolVersion: 'x' }));
});

describe('a session', () => {
  // Catches: an outcome that is lost with its session, because only requests counted as its use.
  it('lives as long as a call runs', async () => {
    const { operation, resolve } = slow();
    const first = one.state().once(call, operation);
    await clock.advance(0);
    await clock.advance(3 * MINUTE);
    const repeat = other.state().once(call, never);
    await clock.advance(10 * MINUTE);
    resolve(1);
    await clock.advance(0);
    expect(await Promise.all([first, repeat])).toEqual([1, 1]);
    expect(await one.state().once(call, never)).toBe(1);
    await clock.advance(2 * MINUTE);
    await expect(one.state().once(call, counting())).rejects.toThrow(SessionNotFound);
    expect(one.errors).toEqual([]);
  });

  // Catches: the same where the one that runs the call cannot say so, while another waits.
  it('lives as long as somebody waits', async () => {
    const { operation, resolve } = slow();
    vi.spyOn(one.sessions.activity, 'hold').mockReturnValue(() => {});
    const first = one.state().once(call, operation);
    await clock.advance(0);
    const repeat = other.state().once(call, never);
    await clock.advance(0);
    await clock.advance(10 * MINUTE);
    resolve(1);
    await clock.advance(0);
    expect(await Promise.all([first, repeat])).toEqual([1, 1]);
  });

  // Catches: the words of one caller that no repeat gets, and a live session that is taken for gone.
  it('is not the one that its operation did not find', async () => {
    const forget = vi.spyOn(one.sessions, 'forget');
    const missing = new SessionNotFound('ask the bank for another');
    const failing = () => Promise.reject(missing);
    await expect(one.state().once(call, failing)).rejects.toBe(missing);
    expect(forget).not.toHaveBeenCalled();
    for (const { state } of [one, other]) {
      await expect(state().once(call, never)).rejects.toMatchObject({
        code: missing.code,
        message: missing.message,
      });
    }
  });

  it('that is gone is said to be by its advice, before and after a run', async () => {
    const advice = /call open_session for a new one/;
    await expect(one.state('unknown').once(call, never)).rejects.toThrow(advice);
    const forget = vi.spyOn(one.sessions, 'forget');
    const closing = one.state().once(call, () => other.state().close());
    await expect(closing).rejects.toThrow(advice);
    expect(forget).toHaveBeenCalledWith(sessionRef(id));
  });
});
