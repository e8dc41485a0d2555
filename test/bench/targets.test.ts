import { describe, expect, it } from 'vitest';
import type { WorkloadResult } from '../../bench/report/results.ts';
import { evaluate, TARGETS, targetTable } from '../../bench/report/targets.ts';
import type { Figures } from '../../bench/workloads/workload.ts';

function result(name: string, figures: Readonly<Record<string, Figures>>): WorkloadResult {
  const cases = Object.entries(figures).map(([each, round]) => ({
    name: each,
    contender: each,
    rounds: [round],
  }));
  return { name, title: name, cases };
}

const RESULTS = [
  result('mix-50', {
    'sdk-json': { calls_per_s: 1_000, cpu_us_per_call: 300 },
    memory: { calls_per_s: 3_000, cpu_us_per_call: 120 },
    postgres: { calls_per_s: 1_900, cpu_us_per_call: 150 },
  }),
  result('keys', {
    'postgres, 1 key': { calls_per_s: 1_000 },
    'postgres, 10,000 keys': { calls_per_s: 800 },
  }),
  result('sessions', {
    'postgres-100': { calls_per_s: 1_000 },
    'postgres-100k': { calls_per_s: 1_000 },
  }),
];

describe('targets', () => {
  it('are met at their limit, and missed beyond it', () => {
    const shown = Object.fromEntries(
      evaluate(TARGETS, RESULTS).map(({ what, measured, met }) => [what, [measured, met]]),
    );
    expect(shown).toMatchObject({
      'PostgreSQL, 50 sessions, calls/s, × SDK in memory': [1.9, false],
      'memory, 50 sessions, calls/s, × SDK in memory': [3, true],
      'PostgreSQL, server CPU a call, × SDK in memory': [0.5, true],
      'memory, server CPU a call, × SDK in memory': [0.4, false],
      // Catches: rates compared where times are meant: slower must show as above 1.
      'PostgreSQL, time of a call with 10,000 keys, × with 1': [1.25, false],
      'PostgreSQL, time of a call among 100,000 sessions, × among 100': [1, true],
    });
  });

  it('are neither met nor missed where nothing was measured', () => {
    // Catches: a partial run that reports targets as met.
    const results = evaluate(TARGETS, []);
    expect(results.every(({ measured, met }) => measured === undefined && met === undefined)).toBe(true);
    expect(targetTable(results)).not.toMatch(/\bmet\b|missed/);
  });
});
