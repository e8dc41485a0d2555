import { beforeEach, describe, expect, it, vi } from 'vitest';
import { sharedMemory } from '../../src/adapters/memory/store.ts';
import { SessionNotFound } from '../../src/domain/errors.ts';
import type { OnceCall } from '../../src/domain/once.ts';
import { sessionRef } from '../../src/domain/session.ts';
import { NOW } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { counting, never, slow } from '../support/once-lab.ts';
import { type SessionInstance, sessionInstance } from '../support/session-instance.ts';

const MINUTE = 60_000;
const call: OnceCall = { scope: 'pay', key: 'k' };

let clock: FakeClock;
let one: SessionInstance;
let other: SessionInstance;
let id: string;

beforeEach(async () => {
  clock = new FakeClock(NOW);
  const shared = sharedMemory();
  one = sessionInstance(shared, clock, MINUTE);
  other = sessionInstance(shared, clock, MINUTE);
  ({ id } = await one.sessions.open({ principal: undefined, initialize: undefined, protocolVersion: 'x' }));
});

describe('a session', () => {
  // Catches: an outcome that is lost with its session, because only requests counted as its use.
  it('lives as long as a call runs', async () => {
    const { operation, resolve } = slow();
    const first = one.state(id).once(call, operation);
    await clock.advance(0);
    await clock.advance(3 * MINUTE);
    const repeat = other.state(id).once(call, never);
    await clock.advance(10 * MINUTE);
    resolve(1);
    await clock.advance(0);
    expect(await Promise.all([first, repeat])).toEqual([1, 1]);
    expect(await one.state(id).once(call, never)).toBe(1);
    await clock.advance(2 * MINUTE);
    await expect(one.state(id).once(call, counting())).rejects.toThrow(SessionNotFound);
    expect(one.errors).toEqual([]);
  });

  // Catches: the same where the one that runs the call cannot say so, while another waits.
  it('lives as long as somebody waits', async () => {
    const { operation, resolve } = slow();
    vi.spyOn(one.sessions.activity, 'hold').mockReturnValue(() => {});
    const first = one.state(id).once(call, operation);
    await clock.advance(0);
    const repeat = other.state(id).once(call, never);
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
    await expect(one.state(id).once(call, failing)).rejects.toBe(missing);
    expect(forget).not.toHaveBeenCalled();
    for (const { state } of [one, other]) {
      await expect(state(id).once(call, never)).rejects.toMatchObject({
        code: missing.code,
        message: missing.message,
      });
    }
  });

  it('that is gone is said to be by its advice, before and after a run', async () => {
    const advice = /call open_session for a new one/;
    await expect(one.state('unknown').once(call, never)).rejects.toThrow(advice);
    const forget = vi.spyOn(one.sessions, 'forget');
    const closing = one.state(id).once(call, () => other.state(id).close());
    await expect(closing).rejects.toThrow(advice);
    expect(forget).toHaveBeenCalledWith(sessionRef(id));
  });
});
