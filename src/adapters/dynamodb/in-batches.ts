/**
 * Runs `task` over all items, at most `size` at a time. Rejects if one of them does, but only when all had their turn:
 * one that fails again and again, such as of a throttled partition, must not keep those behind it from theirs. Where
 * all of a batch fail, the rest would fare no better.
 */
export async function inBatches<T>(
  items: readonly T[],
  size: number,
  task: (item: T) => Promise<unknown>,
): Promise<void> {
  const failures: unknown[] = [];
  for (let start = 0; start < items.length; start += size) {
    const settled = await Promise.allSettled(items.slice(start, start + size).map(task));
    const rejected = settled.filter((each) => each.status === 'rejected');
    failures.push(...rejected.map(({ reason }) => reason));
    if (rejected.length === settled.length) break;
  }
  if (failures.length > 0) throw failures[0];
}
