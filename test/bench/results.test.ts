import { describe, expect, it } from 'vitest';
import { type CaseResult, medianOf, ratioOf, type WorkloadResult } from '../../bench/report/results.ts';
import { workloadTable } from '../../bench/report/workload-table.ts';

function rates(name: string, ...values: number[]): CaseResult {
  return { name, contender: name, rounds: values.map((value) => ({ calls_per_s: value })) };
}

describe('ratioOf', () => {
  it('compares within each round before it takes the median', () => {
    // Catches: the ratio of the medians (400 / 200), which a machine that slows down between rounds distorts.
    const ours = rates('ours', 400, 100, 800);
    const theirs = rates('theirs', 400, 25, 200);
    expect(ratioOf(ours, theirs, 'calls_per_s')).toBe(4);
  });

  it('is unknown where one of the two was not measured', () => {
    expect(ratioOf(rates('ours', 1), undefined, 'calls_per_s')).toBeUndefined();
    expect(ratioOf(rates('ours', 1), rates('theirs', 1), 'p99_ms')).toBeUndefined();
    expect(medianOf(rates('ours'), 'calls_per_s')).toBeUndefined();
  });
});

describe('workloadTable', () => {
  it('has a column for each figure that was measured, and no other', () => {
    const workload: WorkloadResult = {
      name: 'mix',
      title: 'a mix',
      cases: [rates('sdk-json', 100), { ...rates('ours', 250), rounds: [{ calls_per_s: 250, bytes: 7 }] }],
    };
    expect(workloadTable(workload).split('\n')).toEqual([
      '| mix      | calls/s | × sdk-json | bytes |',
      '| -------- | ------: | ---------: | ----: |',
      '| sdk-json |     100 |       1.00 |     – |',
      '| ours     |     250 |       2.50 |  7.00 |',
    ]);
  });
});
