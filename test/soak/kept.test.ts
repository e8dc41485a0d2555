import { describe, expect, it } from 'vitest';
import { times } from '../contract/fixtures.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { judgeKept, type Kept } from './kept.ts';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const ALLOWED = 512;
const SEEDS = times(10, (seed) => seed);

/** A run of two minutes: what a heap of 200 MiB looks like that wavers by half a MiB, as one does under load. */
function run(options: {
  readonly seed: number;
  readonly sessionsPerSample?: number;
  /** What is added to the heap, in bytes. */
  readonly heap?: (sessions: number, index: number) => number;
}): Kept {
  const { seed, sessionsPerSample = 100, heap = () => 0 } = options;
  const random = seededRandom(seed);
  let sessions = 0;
  // A busy machine now and then leaves hardly any.
  const opened = times(60, (index) => {
    sessions += Math.round(sessionsPerSample * (index % 7 === 6 ? 0.1 : 0.5 + random()));
    return sessions;
  });
  let wave = 0;
  const samples = opened.map((count, index) => {
    // Each like the one before.
    wave = 0.5 * wave + 0.5 * (random() - 0.5) * MIB;
    return 200 * MIB + wave + heap(count, index);
  });
  return judgeKept(samples, opened, ALLOWED);
}

describe('what stays of sessions', () => {
  // Catches: a leak that is small beside what the heap may waver by; a slope by time or by sample, not by session.
  it.each(SEEDS)('is seen in two minutes where it is 1 KiB of each (%i)', (seed) => {
    const { perSession, verdict } = run({ seed, heap: (sessions) => KIB * sessions });
    expect(verdict).toBe('GROWS');
    expect(Math.abs(perSession - KIB)).toBeLessThan(300);
  });

  // Catches: a false alarm by a machine that opens more sessions in the same time.
  it('is as much where more of them are opened in the same time', () => {
    const { perSession, verdict } = run({
      seed: 1,
      sessionsPerSample: 1_000,
      heap: (sessions) => 256 * sessions,
    });
    expect(verdict).toBe('flat');
    expect(perSession).toBeCloseTo(256, -2);
  });

  // Catches: a false alarm by what only wavers, and a run that can never be clear.
  it.each(SEEDS)('is nothing where memory only wavers (%i)', (seed) => {
    expect(run({ seed }).verdict).toBe('flat');
    expect(run({ seed, heap: (_, index) => 2 * MIB * (index % 3) }).verdict).not.toBe('GROWS');
  });

  // Catches: a false alarm by what is compiled or enlarged once, at any time; by what still fills while it warms up.
  it.each(SEEDS)('is nothing where memory grows once (%i)', (seed) => {
    const at = 6 * seed;
    expect(run({ seed, heap: (_, index) => (index < at ? 0 : 8 * MIB) }).verdict).toBe('flat');
    const warmedUp = run({ seed, heap: (_, index) => Math.min(index, 14) * MIB });
    expect(warmedUp.verdict).toBe('flat');
    expect(Math.abs(warmedUp.perSession)).toBeLessThan(300);
  });

  it('does not count where single samples are far off', () => {
    expect(run({ seed: 1, heap: (_, index) => (index % 10 === 5 ? 50 * MIB : 0) }).verdict).toBe('flat');
    expect(
      run({ seed: 1, heap: (sessions, index) => KIB * sessions + (index % 10 === 5 ? 50 * MIB : 0) }).verdict,
    ).toBe('GROWS');
  });

  // Catches: a run that passes because hardly anything happened.
  it.each(SEEDS)('is unclear where there were few sessions, or none (%i)', (seed) => {
    expect(run({ seed, sessionsPerSample: 2 }).verdict).toBe('unclear');
    expect(run({ seed, sessionsPerSample: 2, heap: (sessions) => KIB * sessions }).verdict).toBe('unclear');
    expect(run({ seed, sessionsPerSample: 0 }).verdict).toBe('unclear');
  });
});
