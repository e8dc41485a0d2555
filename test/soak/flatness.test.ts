import { describe, expect, it } from 'vitest';
import { times } from '../contract/fixtures.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { FEWEST_SAMPLES, judgeFlatness } from './flatness.ts';

const TOLERANCE = { share: 0.1, amount: 5 };

/** 60 samples of `level`, give or take 10 in 100. */
function noisy(level: (index: number) => number, seed: number): number[] {
  const random = seededRandom(seed);
  return times(60, (index) => level(index) * (0.9 + 0.2 * random()));
}

const isFlat = (samples: readonly number[]): boolean => judgeFlatness(samples, TOLERANCE).isFlat;

describe('a metric', () => {
  // Catches: a judgement that passes whatever it is shown; one of the first and the last sample only.
  it.each(times(20, (seed) => seed))('that grows under noise is not flat (%i)', (seed) => {
    expect(isFlat(noisy((index) => 100 + index, seed))).toBe(false);
    expect(isFlat(noisy((index) => (index < 40 ? 100 : 160), seed))).toBe(false);
  });

  it('that grows slowly and surely is not flat', () => {
    expect(isFlat(times(60, (index) => 100 + 0.6 * index))).toBe(false);
  });

  // Catches: a judgement that fails a run for what comes and goes.
  it.each(times(20, (seed) => seed))('that only wavers is flat (%i)', (seed) => {
    expect(isFlat(noisy(() => 100, seed))).toBe(true);
  });

  it.each([4, 5, 7])('that a sweep brings down again every %i samples is flat', (every) => {
    expect(isFlat(times(60, (index) => 100 + 5 * (index % every)))).toBe(true);
  });

  it('that was still rising while it warmed up, or falls, is flat', () => {
    expect(isFlat(times(60, (index) => Math.min(index, 15) * 100))).toBe(true);
    expect(isFlat(times(60, (index) => 200 - index))).toBe(true);
  });

  it('with single samples far off is flat', () => {
    expect(isFlat(times(60, (index) => (index % 15 === 14 ? 10_000 : 100)))).toBe(true);
  });

  it('may grow by the amount where its share is less, and by no more', () => {
    const step = (by: number): number[] => times(16, (index) => (index < 8 ? 10 : 10 + by));
    expect(judgeFlatness(step(5), TOLERANCE)).toEqual({ before: 10, after: 15, allowed: 5, isFlat: true });
    expect(isFlat(step(6))).toBe(false);
  });

  // Catches: a false alarm where the load grows, as on a machine that gets less busy; a row of each session that passes.
  it('may grow with the sessions that were opened meanwhile, but not by one for each', () => {
    const tolerance = { ...TOLERANCE, perSession: 0.3 };
    const risen = times(16, (index) => (index < 8 ? 300 : 500));
    expect(judgeFlatness(risen, tolerance, 1_000).isFlat).toBe(true);
    expect(judgeFlatness(risen, tolerance, 200).isFlat).toBe(false);
  });

  it('of which little is known is not judged', () => {
    expect(() =>
      judgeFlatness(
        times(FEWEST_SAMPLES - 1, () => 1),
        TOLERANCE,
      ),
    ).toThrow('too few');
  });
});
