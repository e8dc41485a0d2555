import { beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import { HOUR, outcomes, times } from '../contract/fixtures.ts';
import { type OnceLab, onceLab } from '../support/once-lab.ts';

let lab: OnceLab;

beforeEach(async () => {
  lab = await onceLab();
});

/** A claim whose store may fail for a while. */
async function claimed(name: string, outageMs = 10_000): Promise<unknown> {
  const claim = outcomes([lab.a.singleUse.claim(name, HOUR)]);
  await lab.pass(outageMs);
  const { values, errors } = await claim;
  return values[0] ?? errors[0];
}

describe('a name', () => {
  it('is given once, on whichever instance, and every other one too', async () => {
    expect(await lab.a.singleUse.claim('x', HOUR)).toBe(true);
    for (const { singleUse } of [lab.a, lab.b]) expect(await singleUse.claim('x', HOUR)).toBe(false);
    expect(await lab.b.singleUse.claim('y', HOUR)).toBe(true);
  });

  it('is given to one of twenty that race', async () => {
    const racers = times(20, (index) => (index % 2 ? lab.b : lab.c).singleUse.claim('x', HOUR));
    expect((await Promise.all(racers)).filter(Boolean)).toHaveLength(1);
  });

  it('is not given again within its retention, and is not kept for ever', async () => {
    await lab.a.singleUse.claim('x', HOUR);
    const sweep = () => lab.b.store.sessions.deleteExpired(lab.clock.now(), 100);
    await lab.pass(HOUR - 1);
    await sweep();
    expect(await lab.b.singleUse.claim('x', HOUR)).toBe(false);
    await lab.pass(2 * HOUR);
    await sweep();
    expect(await lab.b.singleUse.claim('x', HOUR)).toBe(true);
  });

  it('costs an append, also whoever comes too late', async () => {
    const read = vi.spyOn(lab.a.store.events, 'read');
    const append = vi.spyOn(lab.a.store.events, 'append');
    for (const _ of times(2, () => {})) await lab.a.singleUse.claim('x', HOUR);
    expect(append).toHaveBeenCalledTimes(2);
    expect(read).not.toHaveBeenCalled();
  });

  it('is not stored', async () => {
    await lab.a.singleUse.claim('a secret', HOUR);
    expect(lab.logged()).toContain('used-');
    expect(lab.logged()).not.toContain('a secret');
  });
});

describe('a store that fails', () => {
  // Catches: a winner that meets its own first attempt, and is sent away.
  it('to acknowledge the claim does not make a loser of it', async () => {
    let appends = 0;
    lab.faults.fate = () => {
      appends += 1;
      return appends === 1 ? 'made and lost' : 'made';
    };
    expect(await claimed('x')).toBe(true);
    expect(await lab.b.singleUse.claim('x', HOUR)).toBe(false);
  });

  // Catches: whoever had to try twice taken for the first.
  it('does not make a winner of the second', async () => {
    await lab.b.singleUse.claim('x', HOUR);
    let appends = 0;
    lab.faults.fate = () => {
      appends += 1;
      return appends === 1 ? 'made and lost' : 'made';
    };
    expect(await claimed('x')).toBe(false);
  });

  it('for longer refuses the claim as unknown, and then each other: nobody is told true, and nobody twice', async () => {
    lab.faults.fate = () => 'made and lost';
    expect(await claimed('x')).toBeInstanceOf(StoreUnavailable);
    lab.faults.fate = () => 'made';
    expect(await claimed('x')).toBe(false);
  });

  it('at the look at who was first refuses the claim as unknown', async () => {
    let appends = 0;
    lab.faults.fate = () => {
      appends += 1;
      lab.faults.isBlind = true;
      return appends === 1 ? 'made and lost' : 'made';
    };
    expect(await claimed('x')).toBeInstanceOf(StoreUnavailable);
  });

  it('in a way that nobody foresaw is told as it is', async () => {
    vi.spyOn(lab.a.store.events, 'append').mockRejectedValueOnce(new Error('a bug'));
    await expect(lab.a.singleUse.claim('x', HOUR)).rejects.toThrow('a bug');
  });
});
