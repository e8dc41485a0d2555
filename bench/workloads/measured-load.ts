import type { RunningContender } from '../contenders/contender.ts';
import { runLoad } from '../load/run-load.ts';
import { percentile } from '../report/statistics.ts';
import { usageOf } from './server-cost.ts';
import type { Figures } from './workload.ts';

/** Of the measured time; at least enough to open connections anew that the server closed meanwhile. */
const WARM_UP = 0.15;

const MEBIBYTE = 2 ** 20;

/** Lets workers work, first to warm up and then measured, and says what that cost the servers. */
export async function measureLoad(
  contender: RunningContender,
  workers: readonly (() => Promise<void>)[],
  seconds: number,
): Promise<Figures> {
  await runLoad(workers, seconds * WARM_UP * 1_000);
  const before = await usageOf(contender);
  const { operations, elapsedMs, latencies } = await runLoad(workers, seconds * 1_000);
  const after = await usageOf(contender);
  return {
    calls: operations,
    calls_per_s: operations / (elapsedMs / 1_000),
    cpu_us_per_call: (after.cpuMicros - before.cpuMicros) / operations,
    p50_ms: percentile(latencies, 0.5),
    p99_ms: percentile(latencies, 0.99),
    peak_mib: after.peakBytes / MEBIBYTE,
  };
}
