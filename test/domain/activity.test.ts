import { beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryStore } from '../../src/adapters/memory/store.ts';
import { Activity } from '../../src/domain/activity.ts';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import type { Session } from '../../src/domain/session.ts';
import type { SessionRepository } from '../../src/ports/session-repository.ts';
import { HOUR, NOW, newSession, times } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';

const DAY = 24 * HOUR;

let clock: FakeClock;
let repository: SessionRepository;
let errors: unknown[];

function activity(idleMs: number): Activity {
  return new Activity({ repository, clock, idleMs, onError: (error) => errors.push(error) });
}

async function open(idleMs: number, overrides: Partial<Session> = {}): Promise<Session> {
  const session = newSession({ expiresAt: NOW + idleMs, endsAt: NOW + 30 * DAY, ...overrides });
  await repository.create(session);
  return session;
}

const isThere = async ({ ref }: Session) => (await repository.find(ref, clock.now())) !== undefined;

beforeEach(() => {
  clock = new FakeClock(NOW);
  repository = memoryStore().sessions;
  errors = [];
});

describe('a held session', () => {
  it.each([1_000, 2_000, HOUR, DAY, 30 * DAY - 1])('lives, with an idle time of %i ms', async (idleMs) => {
    const [held, abandoned] = [await open(idleMs), await open(idleMs)];
    activity(idleMs).hold(held);
    const steps = 40;
    // To the absolute end, which comes however long a client listens.
    for (let step = 1; step < steps; step += 1) {
      await clock.advance(Math.min(idleMs / 2, (30 * DAY) / steps));
      expect(await isThere(held)).toBe(true);
    }
    await clock.advance(idleMs);
    expect(await isThere(abandoned)).toBe(false);
  });

  // Catches: one rhythm for all, which lets the one expire or has the other written all the time.
  it.each([1_000, 2_000])(
    'with an idle time of its own of %i ms lives beside one of a day, and dies when it is let go',
    async (idleMs) => {
      const [short, long] = [await open(idleMs, { idleMs }), await open(DAY)];
      const touch = vi.spyOn(repository, 'touch');
      const held = activity(DAY);
      const release = held.hold(short);
      held.hold(long);
      for (let step = 1; step <= 40; step += 1) {
        await clock.advance(idleMs / 2);
        expect(await isThere(short)).toBe(true);
      }
      const written = touch.mock.calls.flatMap(([touches]) => touches.map(({ ref }) => ref));
      expect(written).not.toContain(long.ref);
      release();
      await clock.advance(idleMs - 1);
      expect(await isThere(short)).toBe(true);
      await clock.advance(1);
      expect(await isThere(short)).toBe(false);
      touch.mockClear();
      await clock.advance(DAY);
      expect(touch).toHaveBeenCalledTimes(4);
      expect(await isThere(long)).toBe(true);
    },
  );

  it('does not outlive its absolute end', async () => {
    const held = await open(HOUR, { endsAt: NOW + 3 * HOUR });
    activity(HOUR).hold(held);
    await clock.advance(3 * HOUR - 1);
    expect(await isThere(held)).toBe(true);
    await clock.advance(1);
    expect(await isThere(held)).toBe(false);
  });

  it('is written four times in the idle time, with all others in one call', async () => {
    const sessions = await Promise.all(times(50, () => open(DAY)));
    const touch = vi.spyOn(repository, 'touch');
    const held = activity(DAY);
    for (const session of sessions) held.hold(session);
    await clock.advance(DAY);
    expect(touch).toHaveBeenCalledTimes(4);
    for (const [touches] of touch.mock.calls) expect(touches).toHaveLength(50);
    expect(touch.mock.lastCall?.[0][0]).toMatchObject({ lastSeenAt: NOW + DAY, expiresAt: NOW + 2 * DAY });
  });

  it('is written every six hours at least, however long the idle time', async () => {
    const held = await open(20 * DAY);
    const touch = vi.spyOn(repository, 'touch');
    activity(20 * DAY).hold(held);
    await clock.advance(DAY);
    expect(touch).toHaveBeenCalledTimes(4);
  });

  it('of two streams is written once', async () => {
    const session = await open(HOUR);
    const touch = vi.spyOn(repository, 'touch');
    const held = activity(HOUR);
    const releases = [held.hold(session), held.hold(session)];
    await clock.advance(HOUR / 4);
    expect(touch.mock.lastCall?.[0]).toHaveLength(1);
    releases[0]?.();
    await clock.advance(2 * HOUR);
    expect(await isThere(session)).toBe(true);
  });

  it('lives through an outage of the store that is shorter than what it has left', async () => {
    const held = await open(HOUR);
    activity(HOUR).hold(held);
    await clock.advance(HOUR / 4);
    const touch = vi.spyOn(repository, 'touch').mockRejectedValue(new StoreUnavailable());
    await clock.advance(HOUR / 2);
    expect(errors.length).toBeGreaterThan(0);
    touch.mockRestore();
    await clock.advance(HOUR / 4);
    expect(await isThere(held)).toBe(true);
  });
});

describe('a session that is let go', () => {
  it('is written once more, and lives for its idle time from then on', async () => {
    const session = await open(HOUR);
    const held = activity(HOUR);
    const release = held.hold(session);
    await clock.advance(2 * HOUR + 1);
    release();
    const touch = vi.spyOn(repository, 'touch');
    await clock.advance(HOUR - 1);
    expect(await isThere(session)).toBe(true);
    await clock.advance(1);
    expect(await isThere(session)).toBe(false);
    await clock.advance(DAY);
    expect(touch).toHaveBeenCalledTimes(1);
    expect(touch.mock.lastCall?.[0]).toMatchObject([{ ref: session.ref, lastSeenAt: NOW + 2 * HOUR + 1 }]);
  });

  it('twice is let go once', async () => {
    const session = await open(HOUR);
    const held = activity(HOUR);
    const [release] = [held.hold(session), held.hold(session)];
    release?.();
    release?.();
    await clock.advance(3 * HOUR);
    expect(await isThere(session)).toBe(true);
  });

  it('and held again goes on living, with as many writes as before', async () => {
    const session = await open(HOUR);
    const held = activity(HOUR);
    for (const _ of times(20, () => {})) held.hold(session)();
    held.hold(session);
    await clock.advance(HOUR / 4 - 1);
    const touch = vi.spyOn(repository, 'touch');
    await clock.advance(HOUR);
    expect(touch).toHaveBeenCalledTimes(4);
    expect(await isThere(session)).toBe(true);
  });

  it('does not come back once it was closed', async () => {
    const session = await open(HOUR);
    const held = activity(HOUR);
    const release = held.hold(session);
    await repository.delete(session.ref, clock.now());
    held.forget(session.ref);
    await clock.advance(HOUR);
    release();
    await clock.advance(HOUR);
    expect(await isThere(session)).toBe(false);
    expect(errors).toEqual([]);
  });
});
