import type { Figures } from '../workloads/workload.ts';
import { median } from './statistics.ts';

/** What was measured of one case, round by round. */
export interface CaseResult {
  readonly name: string;
  readonly contender: string;
  readonly rounds: readonly Figures[];
}

export interface WorkloadResult {
  readonly name: string;
  readonly title: string;
  readonly cases: readonly CaseResult[];
}

/** The median over the rounds; `undefined` where the figure was not measured. */
export function medianOf(result: CaseResult | undefined, figure: string): number | undefined {
  const values = result?.rounds.map((round) => round[figure]).filter((value) => value !== undefined) ?? [];
  return values.length === 0 ? undefined : median(values);
}

/**
 * The median of the ratios of two cases' figures within each round: what slows the machine down in one round slows
 * both, and cancels out.
 */
export function ratioOf(
  result: CaseResult | undefined,
  reference: CaseResult | undefined,
  figure: string,
): number | undefined {
  const ratios: number[] = [];
  result?.rounds.forEach((round, n) => {
    const [value, base] = [round[figure], reference?.rounds[n]?.[figure]];
    if (value !== undefined && base !== undefined && base > 0) ratios.push(value / base);
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

export function caseNamed(result: WorkloadResult | undefined, name: string): CaseResult | undefined {
  return result?.cases.find((each) => each.name === name);
}
