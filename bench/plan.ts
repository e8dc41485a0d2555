import { CONTENDERS } from './contenders/catalog.ts';
import type { Options } from './options.ts';
import type { Workload } from './workloads/workload.ts';

/**
 * Which of the workloads and of their cases a run has.
 *
 * @throws Error if `only` names what does not exist, or nothing would be left
 */
export function plan(workloads: readonly Workload[], options: Options): readonly Workload[] {
  const unknown = options.only.find(
    (name) => !(name in CONTENDERS) && !workloads.some((each) => each.name === name),
  );
  if (unknown !== undefined) {
    const known = [...workloads.map(({ name }) => name), ...Object.keys(CONTENDERS)].join(', ');
    throw new Error(`--only: there is no ${unknown}, only ${known}`);
  }
  const contenders = options.only.filter((name) => name in CONTENDERS);
  const named = options.only.filter((name) => !(name in CONTENDERS));
  const chosen = workloads
    .filter(({ name, quick }) => (named.length > 0 ? named.includes(name) : quick === true || !options.quick))
    .map((workload) => ({
      ...workload,
      cases: workload.cases.filter(
        ({ contender }) => contenders.length === 0 || contenders.includes(contender),
      ),
    }))
    .filter(({ cases }) => cases.length > 0);
  if (chosen.length === 0) throw new Error('nothing to measure: no chosen workload has a chosen contender');
  return chosen;
}
