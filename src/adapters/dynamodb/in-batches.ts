/** Runs `task` over all items, at most `size` at a time; rejects if one does, after its batch has settled. */
export async function inBatches<T>(
  items: readonly T[],
  size: number,
  task: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < items.length; start += size) {
    const settled = await Promise.allSettled(items.slice(start, start + size).map(task));
    for (const each of settled) if (each.status === 'rejected') throw each.reason;
  }
}
