import { expect, it } from 'vitest';
import { sweepRegularly } from '../../src/app/sweep.ts';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import { NOW, times } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';

// Catches: sweeps that fail for ever at the same sessions, which are together too much for one statement.
it('what is too much for one statement is removed in smaller parts', async () => {
  const clock = new FakeClock(NOW);
  let left = 3_000;
  const asked: number[] = [];
  const deleteExpired = async (_now: number, limit: number) => {
    asked.push(limit);
    if (left > 2_000 && limit > 10) throw new StoreUnavailable();
    const sessions = Math.min(left, limit);
    left -= sessions;
    return { sessions, mayBeMore: sessions === limit };
  };
  const stop = sweepRegularly({ sessions: { deleteExpired }, clock, onError: () => {} });
  for (const _ of times(1_000, () => {})) if (left > 0) await clock.advance(90_000);
  stop();
  expect(left).toBe(0);
  // Full size again once it can be.
  expect(asked.at(-1)).toBeGreaterThan(100);
});
