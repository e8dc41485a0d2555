import { setTimeout as pause } from 'node:timers/promises';
import type { Done } from './load.ts';
import type { Metric } from './metric.ts';

/** In a run on a machine that has time; and the fewest that are judged. */
const SAMPLES = 60;
const FEWEST = 24;
/** Of the time, so that sampling, which holds up an instance, leaves a busy machine time for the load. */
const SHARE_OF_SAMPLING = 0.2;
/** How many times as long a run takes at most where it is not clear at its end. */
export const LONGEST = 4;

/** What was seen of each metric, and what had been done by then. */
export interface Samples {
  readonly of: ReadonlyMap<Metric, readonly number[]>;
  readonly done: readonly Done[];
}

/**
 * Samples all metrics for so many ms, and on until there are enough samples and it `isClear`, but for `LONGEST` times
 * as many ms at most.
 */
export async function takeSamples(
  metrics: readonly Metric[],
  options: {
    readonly ms: number;
    done(): Done;
    isClear(samples: Samples): boolean;
    /** Told of each sample. */
    onSample(taken: { readonly samples: number; readonly passedMs: number }): void;
  },
): Promise<Samples> {
  const { ms, done, isClear, onSample } = options;
  const series = new Map(metrics.map((metric): [Metric, number[]] => [metric, []]));
  const doneBy: Done[] = [];
  const samples = { of: series, done: doneBy };
  const begin = performance.now();
  let tookMs = 0;
  for (;;) {
    await pause(Math.max(ms / SAMPLES - tookMs, tookMs / SHARE_OF_SAMPLING - tookMs));
    const now = performance.now();
    doneBy.push(done());
    for (const [metric, sampled] of series) sampled.push(await metric.sample());
    tookMs = performance.now() - now;
    const passed = performance.now() - begin;
    onSample({ samples: doneBy.length, passedMs: passed });
    if (passed >= ms * LONGEST) return samples;
    if (passed >= ms && doneBy.length >= FEWEST && isClear(samples)) return samples;
  }
}
