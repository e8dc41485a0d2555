import type { RunningContender } from '../contenders/contender.ts';
import { runLoad } from '../load/run-load.ts';
import { percentile } from '../report/statistics.ts';
import { usageOf } from './server-cost.ts';
import type { Figures } from './workload.ts';

/** For what has just been started: V8 goes on compiling what is hot for seconds, and calls get twice as fast. */
const COLD_WARM_UP_MS = 5_000;
/** Before the first round of a workload. */
const FIRST_WARM_UP_MS = 700;
/** Before each round: connections that a server closed meanwhile are opened anew. */
const WARM_UP_MS = 200;

const MEBIBYTE = 2 ** 20;

const warm = new WeakSet<RunningContender>();

/** To be called once, before the first {@link measureLoad}. */
export async function warmUp(
  contender: RunningContender,
  workers: readonly (() => Promise<void>)[],
): Promise<void> {
  await runLoad(workers, warm.has(contender) ? FIRST_WARM_UP_MS : COLD_WARM_UP_MS);
  warm.add(contender);
}

/** Lets workers work, first to warm up and then measured, and says what that cost the servers. */
export async function measureLoad(
  contender: RunningContender,
  workers: readonly (() => Promise<void>)[],
  seconds: number,
): Promise<Figures> {
  await runLoad(workers, WARM_UP_MS);
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
