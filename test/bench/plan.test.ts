import { describe, expect, it } from 'vitest';
import { readOptions } from '../../bench/options.ts';
import { plan } from '../../bench/plan.ts';
import { WORKLOADS } from '../../bench/workloads/catalog.ts';
import type { Workload } from '../../bench/workloads/workload.ts';

const names = (workloads: readonly Workload[]): string[] =>
  workloads.flatMap(({ name, cases }) => cases.map((each) => `${name}/${each.name}`));

const planned = (...args: string[]): string[] => names(plan(WORKLOADS, readOptions(args)));

describe('plan', () => {
  it('has everything by default', () => {
    expect(planned()).toEqual(names(WORKLOADS));
  });

  it('takes names of contenders and of workloads', () => {
    expect(planned('--only', 'mix-1,postgres,bare')).toEqual(['mix-1/bare', 'mix-1/postgres']);
    expect(planned('--only', 'store-1')).toEqual(['store-1/sdk-json', 'store-1/memory', 'store-1/postgres']);
    expect(planned('--quick', '--only', 'bare')).toEqual(['mix-50/bare', 'mix-1/bare']);
  });

  it('refuses what it does not know', () => {
    // Catches: a run that silently measures nothing, or all, because of a typing error.
    expect(() => planned('--only', 'postgress')).toThrow('there is no postgress');
    expect(() => planned('--only', 'bare,start')).toThrow('nothing to measure');
    expect(() => planned('--rounds', '0')).toThrow('--rounds');
    expect(() => planned('--seconds', '0')).toThrow('--seconds');
    expect(() => planned('--round', '3')).toThrow('--round');
  });

  it('has cases that can be told apart', () => {
    expect(new Set(names(WORKLOADS)).size).toBe(names(WORKLOADS).length);
  });
});
