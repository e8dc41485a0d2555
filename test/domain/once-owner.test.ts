import { beforeEach, describe, expect, it, vi } from 'vitest';
import { InvalidArgument, OutcomeUnknown, StoreUnavailable } from '../../src/domain/errors.ts';
import { BEAT_MS, STILL_LOOKS } from '../../src/domain/liveness.ts';
import type { OnceCall } from '../../src/domain/once.ts';
import type { SessionHandle } from '../../src/domain/stream-handle.ts';
import { outcomes, times } from '../contract/fixtures.ts';
import { counting, never, type OnceInstance, type OnceLab, onceLab, slow } from '../support/once-lab.ts';

const DEAD_AFTER_MS = BEAT_MS * STILL_LOOKS;
const call: OnceCall = { scope: 'pay', key: 'a secret key', input: { card: 'a secret number' } };
const repeatable: OnceCall = { ...call, repeatable: true };

let lab: OnceLab;
let handle: SessionHandle;
let a: OnceInstance;
let b: OnceInstance;
let c: OnceInstance;

beforeEach(async () => {
  lab = await onceLab();
  ({ handle, a, b, c } = lab);
});

// Catches: a stop that lets a call begin after it, because the call was only looking whether it is the first.
it('a call that is about to run is waited for', async () => {
  let hasRun = false;
  const called = a.once.run(handle, call, async () => {
    hasRun = true;
  });
  await a.once.idle();
  expect(hasRun).toBe(true);
  await called;
});

describe('a call whose instance died', () => {
  it('has an unknown outcome, for whoever waits and whoever comes later', async () => {
    await lab.beginAndDie(call);
    const waiting = outcomes([b, c].map(({ once }) => once.run(handle, call, never)));
    let isOver = false;
    void waiting.then(() => {
      isOver = true;
    });
    await lab.pass(DEAD_AFTER_MS - 1);
    expect(isOver).toBe(false);
    await lab.pass(1);
    expect((await waiting).errors).toEqual(times(2, () => new OutcomeUnknown()));
    await expect(c.once.run(handle, call, never)).rejects.toThrow(OutcomeUnknown);
    await expect(c.once.run(handle, { ...call, input: 2 }, never)).rejects.toThrow(InvalidArgument);
  });

  // Catches: two outcomes, of which the first caller has one and everybody else the other.
  it('has an unknown outcome also for its own caller, if it lives after all', async () => {
    const { first, resolve } = await lab.beginAndDie(call);
    const repeat = outcomes([b.once.run(handle, call, never)]);
    await lab.pass(DEAD_AFTER_MS);
    await repeat;
    resolve('too late');
    await expect(first).rejects.toThrow(OutcomeUnknown);
    expect(lab.logged()).not.toContain('too late');
  });

  it('has an unknown outcome also where it would have refused', async () => {
    const { first, reject } = await lab.beginAndDie(call);
    const repeat = outcomes([b.once.run(handle, call, never)]);
    await lab.pass(DEAD_AFTER_MS);
    await repeat;
    reject(new InvalidArgument('amount', 'is too much'));
    await expect(first).rejects.toThrow(OutcomeUnknown);
  });

  it('runs again once where it is repeatable, however many wait', async () => {
    const { first, resolve } = await lab.beginAndDie(repeatable);
    const again = counting();
    const waiting = [b, c, c].map(({ once }) => once.run(handle, repeatable, again));
    await lab.pass(DEAD_AFTER_MS);
    expect(await Promise.all(waiting)).toEqual([1, 1, 1]);
    resolve('too late');
    // Its own caller is one more of those who repeat it.
    expect(await first).toBe(1);
    expect(await b.once.run(handle, repeatable, never)).toBe(1);
    await expect(b.once.run(handle, call, never)).rejects.toThrow(OutcomeUnknown);
  });

  it('runs again as often as instances die', async () => {
    await lab.beginAndDie(repeatable);
    const second = slow();
    b.once.run(handle, repeatable, second.operation).catch(() => {});
    await lab.pass(DEAD_AFTER_MS);
    expect(second.operation).toHaveBeenCalledTimes(1);
    vi.spyOn(b.store.instances, 'beat').mockRejectedValue(new StoreUnavailable());
    const third = c.once.run(handle, repeatable, async () => 3);
    await lab.pass(DEAD_AFTER_MS);
    expect(await third).toBe(3);
  });

  it('is found out also by an instance whose own store fails', async () => {
    await lab.beginAndDie(call, b);
    lab.faults.isMute = true;
    const repeat = outcomes([a.once.run(handle, call, never)]);
    for (const fate of ['refused', 'made and lost', 'made'] as const) {
      lab.faults.fate = () => fate;
      await lab.pass(DEAD_AFTER_MS);
    }
    expect((await repeat).errors).toEqual([new OutcomeUnknown()]);
    expect(lab.faults.failures).toBe(2);
    expect(a.errors).toHaveLength(2);
  });

  it('in order is found out at the next look', async () => {
    await lab.begin(call);
    const repeat = outcomes([b.once.run(handle, call, never)]);
    await lab.pass();
    await a.liveness.close();
    await lab.pass(BEAT_MS);
    expect((await repeat).errors).toEqual([new OutcomeUnknown()]);
  });

  // Catches: an instance that is taken for dead because nobody has heard of it yet.
  it('is none whose instance beats, however long it runs', async () => {
    const { first, resolve } = await lab.begin(call);
    const repeat = b.once.run(handle, call, never);
    await lab.pass(10 * DEAD_AFTER_MS);
    resolve(1);
    await lab.pass();
    expect(await Promise.all([first, repeat])).toEqual([1, 1]);
  });
});

describe('a store that fails', () => {
  it('at the first look, or the beat, refuses the call, and nothing is claimed', async () => {
    lab.faults.isBlind = true;
    await expect(a.once.run(handle, call, never)).rejects.toThrow(StoreUnavailable);
    lab.faults.isBlind = false;
    vi.spyOn(a.store.instances, 'beat').mockRejectedValueOnce(new StoreUnavailable());
    await expect(a.once.run(handle, call, never)).rejects.toThrow(StoreUnavailable);
    expect(await b.once.run(handle, call, async () => 1)).toBe(1);
  });

  // Catches: a claim of which nobody knows, for which all others wait as long as its instance lives.
  it('at the claim delays the call, which runs once', async () => {
    lab.faults.fate = () => 'refused';
    const operation = counting();
    const first = a.once.run(handle, call, operation);
    await lab.pass(30_000);
    lab.faults.fate = () => 'made';
    await lab.pass(2_000);
    expect(await first).toBe(1);
    expect(await b.once.run(handle, call, never)).toBe(1);
  });

  // Catches: an owner that takes its own claim, or its own outcome, for another's.
  it.each(['claim', 'end', 'claim and end'])('to acknowledge the %s changes nothing', async (what) => {
    let appends = 0;
    lab.faults.fate = ({ end }) => {
      appends += 1;
      const isHit = end === true ? what.includes('end') : what.includes('claim') && appends === 1;
      return isHit ? 'made and lost' : 'made';
    };
    const operation = counting();
    const first = a.once.run(handle, call, operation);
    await lab.pass();
    const repeat = b.once.run(handle, call, operation);
    await lab.pass(1_000);
    expect(await Promise.all([first, repeat])).toEqual([1, 1]);
    expect(lab.faults.failures).toBe(what === 'claim and end' ? 2 : 1);
  });

  it('for a claim that came second does not make it the first', async () => {
    lab.faults.fate = ({ end }) => (end === true ? 'made' : 'refused');
    const late = a.once.run(handle, call, never);
    await lab.pass();
    const { operation, resolve } = slow();
    const first = b.once.run(handle, call, operation);
    await lab.pass();
    lab.faults.fate = () => 'made';
    await lab.pass(2_000);
    resolve('first');
    await lab.pass();
    expect(await Promise.all([first, late])).toEqual(['first', 'first']);
  });

  it('for one that waits only delays it', async () => {
    const { operation, resolve } = slow();
    const first = b.once.run(handle, call, operation);
    await lab.pass();
    const repeat = a.once.run(handle, call, never);
    await lab.pass();
    lab.faults.isBlind = true;
    resolve(1);
    await lab.pass(10_000);
    await first;
    lab.faults.isBlind = false;
    await lab.pass(2_000);
    expect(await repeat).toBe(1);
  });
});

describe('an end that the store refuses', () => {
  /** Lets so many attempts to end a run on `a` fail for another reason than an outage. */
  const refuseEnds = (count: number): void => {
    const append = a.store.events.append.bind(a.store.events);
    let refused = 0;
    vi.spyOn(a.store.events, 'append').mockImplementation(async (...args) => {
      if (args[1].end !== true || refused === count) return append(...args);
      refused += 1;
      throw new Error('not this');
    });
  };

  beforeEach(async () => {
    // Its instance goes on to beat.
    await lab.begin({ ...call, key: 'another' });
  });

  // Catches: others that wait for an instance which lives, and runs the call no longer.
  it.each([
    ['result', ({ resolve }: ReturnType<typeof slow>) => resolve(1), 'not this'],
    ['refusal', ({ reject }: ReturnType<typeof slow>) => reject(new InvalidArgument('x', 'y')), 'not this'],
    ['failure', ({ reject }: ReturnType<typeof slow>) => reject(new TypeError('a bug')), 'a bug'],
  ])('of a %s is tried again as unknown', async (_, settle, message) => {
    const run = slow();
    const first = outcomes([a.once.run(handle, call, run.operation)]);
    await lab.pass();
    const waiting = outcomes([a, b].map(({ once }) => once.run(handle, call, never)));
    refuseEnds(3);
    settle(run);
    await lab.pass(1_000);
    expect((await first).errors).toMatchObject([{ message }]);
    expect((await waiting).errors).toEqual(times(2, () => new OutcomeUnknown()));
    expect(a.errors.length).toBeGreaterThan(0);
  });

  it.each([
    ['whoever waits there', true],
    ['whoever comes there', false],
  ])('as often as it is tried is made up for by %s', async (_, isWaiting) => {
    const { first, resolve } = await lab.begin(call);
    const repeat = () => outcomes([a.once.run(handle, call, never)]);
    const waiting = isWaiting ? repeat() : undefined;
    await lab.pass();
    // That of the result, and as many of the unknown outcome as are tried.
    refuseEnds(9);
    resolve(1);
    await lab.pass(10_000);
    await expect(first).rejects.toThrow('not this');
    const elsewhere = outcomes([b.once.run(handle, call, never)]);
    await lab.pass();
    expect((await (waiting ?? repeat())).errors).toEqual([new OutcomeUnknown()]);
    expect((await elsewhere).errors).toEqual([new OutcomeUnknown()]);
  });
});
