import { Environment } from './contenders/environment.ts';
import { readOptions, USAGE } from './options.ts';
import { plan } from './plan.ts';
import type { WorkloadResult } from './report/results.ts';
import { evaluate, TARGETS, targetTable } from './report/targets.ts';
import { workloadTable } from './report/workload-table.ts';
import { writeResults } from './report/write-results.ts';
import { runWorkload } from './run-workload.ts';
import { WORKLOADS } from './workloads/catalog.ts';

/* `npm run bench`: measures, and says what it measured. Fails if a server answers wrongly, never for being slow. */

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    process.stdout.write(USAGE);
    return;
  }
  const options = readOptions(args);
  const workloads = plan(WORKLOADS, options);
  const startedAt = new Date();
  const environment = new Environment();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Not once: npm and a terminal each pass on a Ctrl-C, and the second would end this before all is stopped.
    process.on(signal, () => void environment.stop().finally(() => process.exit(130)));
  }
  const results: WorkloadResult[] = [];
  try {
    for (const workload of workloads) {
      const result = await runWorkload(workload, environment, options, (text) => console.error(text));
      results.push(result);
      console.log(`\n${workload.title}\n\n${workloadTable(result)}\n`);
    }
  } finally {
    await environment.stop();
  }
  const targets = evaluate(TARGETS, results);
  console.log(`${targetTable(targets)}\n`);
  for (const path of await writeResults(options, startedAt, results, targets)) console.log(path);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
