import type { Environment } from './contenders/environment.ts';
import type { WorkloadResult } from './report/results.ts';
import type { Figures, PreparedCase, Workload } from './workloads/workload.ts';

/**
 * Measures a workload's cases in turn, A B C, A B C, …: what changes on the machine meanwhile changes for all.
 *
 * @throws Error naming workload and case, with what went wrong as its cause
 */
export async function runWorkload(
  workload: Workload,
  environment: Environment,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  onProgress: (text: string) => void,
): Promise<WorkloadResult> {
  const prepared: { readonly name: string; readonly case: PreparedCase; readonly rounds: Figures[] }[] = [];
  for (const each of workload.cases) {
    onProgress(`${workload.name}: preparing ${each.name}`);
    const ready = await named(workload, each.name, () => each.prepare(environment));
    prepared.push({ name: each.name, case: ready, rounds: [] });
  }
  const total = workload.rounds ?? rounds;
  for (let round = 1; round <= total; round += 1) {
    for (const each of prepared) {
      onProgress(`${workload.name}: round ${round} of ${total}, ${each.name}`);
      each.rounds.push(await named(workload, each.name, () => each.case.measure(seconds)));
    }
  }
  for (const each of prepared) await named(workload, each.name, () => each.case.close());
  const { name, title } = workload;
  return {
    name,
    title,
    cases: workload.cases.map((each, n) => ({
      name: each.name,
      contender: each.contender,
      rounds: prepared[n]?.rounds ?? [],
    })),
  };
}

async function named<Result>(workload: Workload, name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${workload.name}, ${name}: ${message}`, { cause });
  }
}
