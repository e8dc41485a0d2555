import { expect, it } from 'vitest';
import { inBatches } from '../../src/adapters/dynamodb/in-batches.ts';
import { times } from '../contract/fixtures.ts';

const items = times(10, (index) => index);

/** Which items were tried, and what came of it, where `fails` do. */
async function tried(fails: readonly number[]): Promise<readonly [readonly number[], unknown]> {
  const done: number[] = [];
  const outcome = await inBatches(items, 3, async (item) => {
    done.push(item);
    if (fails.includes(item)) throw new Error(String(item));
  }).catch(({ message }: Error) => message);
  return [done, outcome];
}

// Catches: uses of sessions that are never written down because of one session in front of them that is throttled.
it('one item that fails keeps none behind it from its turn', async () => {
  expect(await tried([])).toEqual([items, undefined]);
  expect(await tried([1, 4, 5])).toEqual([items, '1']);
});

// Catches: a list that is gone through to its end, at a timeout for each batch, while the store is down.
it('where a whole batch fails, the rest is left', async () => {
  expect(await tried([1, 3, 4, 5])).toEqual([items.slice(0, 6), '1']);
});
