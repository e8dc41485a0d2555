import { describe, expect, it } from 'vitest';
import { median, percentile } from '../../bench/report/statistics.ts';

describe('median', () => {
  it('is the value in the middle, by size', () => {
    // Catches: the default sort, which compares numbers as text.
    expect(median([100, 9, 8])).toBe(9);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  it('refuses to make up a value where there is none', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);

  it('is the smallest value that the share does not exceed', () => {
    // Catches: an index that is off by one, which makes the p99 of a hundred values their maximum.
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile(hundred, 0)).toBe(1);
  });

  it('leaves the values in their order', () => {
    const values = [3, 1, 2];
    percentile(values, 0.5);
    expect(values).toEqual([3, 1, 2]);
  });
});
