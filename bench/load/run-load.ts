/** What a load got done. */
export interface LoadResult {
  readonly operations: number;
  /** From the first request to the last answer. */
  readonly elapsedMs: number;
  /** Of each operation, in milliseconds, in no order. */
  readonly latencies: readonly number[];
}

/**
 * Has each worker do one operation after the other until the time is up, and waits for the last answers. The first
 * failure ends the load.
 */
export async function runLoad(
  workers: readonly (() => Promise<void>)[],
  durationMs: number,
): Promise<LoadResult> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + durationMs;
  let failed = false;
  const work = async (operate: () => Promise<void>): Promise<void> => {
    let from = performance.now();
    while (from < endsAt && !failed) {
      await operate();
      const until = performance.now();
      latencies.push(until - from);
      from = until;
    }
  };
  const loops = workers.map((operate) =>
    work(operate).catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  const outcomes = await Promise.allSettled(loops);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return { operations: latencies.length, elapsedMs: performance.now() - startedAt, latencies };
}
