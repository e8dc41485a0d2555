import { describe, expect, it } from 'vitest';
import { sweepRegularly } from '../../src/app/sweep.ts';
import { NOW } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';

const MINUTE = 60_000;
/** Of one run: the shortest time between two, and the longest. */
const [SOONEST, LATEST] = [0.5 * MINUTE, 1.5 * MINUTE];

/** Sweeps a store whose calls have these results, and then remove nothing. */
function sweeping(results: (boolean | Error)[]) {
  const clock = new FakeClock(NOW);
  const calls: number[] = [];
  const errors: unknown[] = [];
  const stop = sweepRegularly({
    sessions: {
      deleteExpired: async (now) => {
        calls.push(now);
        const result = results.shift() ?? false;
        if (result instanceof Error) throw result;
        return result;
      },
    },
    // Time passes while it works.
    clock: { schedule: clock.schedule.bind(clock), now: () => clock.now() + calls.length },
    onError: (error) => errors.push(error),
  });
  return { clock, calls, errors, stop };
}

describe('the sweep', () => {
  // Catches: one batch a minute, whatever there is; and what expires meanwhile keeping it at work for ever.
  it('goes on until nothing is left of what had expired when it began', async () => {
    const { clock, calls } = sweeping([true, true, true]);
    await clock.advance(SOONEST - 1);
    expect(calls).toEqual([]);
    await clock.advance(LATEST - SOONEST + 1);
    expect(calls.length).toBeGreaterThanOrEqual(4);
    expect(new Set(calls.slice(0, 4)).size).toBe(1);
  });

  // Catches: 10,000 rows a minute, where callers make more: the tables would grow for as long as they do.
  it('pauses for a second only where much is left', async () => {
    const { clock, calls } = sweeping(Array.from({ length: 50 }, () => true));
    await clock.advance(LATEST);
    const begun = calls.length;
    expect(begun).toBeGreaterThanOrEqual(20);
    await clock.advance(3_000);
    expect(calls.length).toBeGreaterThanOrEqual(51);
    expect(new Set(calls.slice(0, 51)).size).toBe(3);
  });

  it('tells of an error, and comes again', async () => {
    const { clock, calls, errors } = sweeping([new Error('down')]);
    await clock.advance(LATEST);
    expect(errors).toEqual([new Error('down')]);
    await clock.advance(LATEST);
    expect(calls.length).toBeGreaterThanOrEqual(2);
  });

  it('ends when it is told to', async () => {
    const { clock, calls, stop } = sweeping([true, true]);
    stop();
    await clock.advance(10 * MINUTE);
    expect(calls).toEqual([]);
  });
});
