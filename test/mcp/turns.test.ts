import { beforeEach, describe, expect, it } from 'vitest';
import { Turns } from '../../src/adapters/mcp/sessions/turns.ts';
import { NOW, times } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { gate } from '../support/stream-lab.ts';

let clock: FakeClock;
let turns: Turns;
let begun: number[];

beforeEach(() => {
  clock = new FakeClock(NOW);
  turns = new Turns({ most: () => 2, longestMs: 1_000, clock });
  begun = [];
});

/** Five that want a turn, each of which ends when its gate is opened. */
function five() {
  return times(5, (index) => {
    const { passed, open } = gate();
    const done = turns.take(async () => {
      begun.push(index);
      await passed;
      return index;
    });
    return { done, open };
  });
}

describe('turns', () => {
  it('are so many at a time, in the order of coming', async () => {
    const takers = five();
    await clock.advance(0);
    expect(begun).toEqual([0, 1]);
    takers[1]?.open();
    await clock.advance(0);
    expect(begun).toEqual([0, 1, 2]);
    for (const { open } of takers) open();
    expect(await Promise.all(takers.map(({ done }) => done))).toEqual([0, 1, 2, 3, 4]);
    // All are free again, and no more than all.
    begun = [];
    five();
    await clock.advance(0);
    expect(begun).toEqual([0, 1]);
  });

  // Catches: one that hangs and holds up all others for ever, or that gives its turn back twice.
  it('pass to the next where one takes too long', async () => {
    const takers = five();
    await clock.advance(999);
    expect(begun).toEqual([0, 1]);
    await clock.advance(1);
    expect(begun).toEqual([0, 1, 2, 3]);
    takers[0]?.open();
    takers[1]?.open();
    await clock.advance(0);
    expect(begun).toEqual([0, 1, 2, 3]);
    await clock.advance(1_000);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  it('pass to the next where one fails', async () => {
    const failing = times(2, () => turns.take(() => Promise.reject(new Error('no'))));
    const takers = five();
    for (const each of failing) await expect(each).rejects.toThrow('no');
    await clock.advance(0);
    expect(begun).toEqual([0, 1]);
    for (const { open } of takers) open();
  });
});
