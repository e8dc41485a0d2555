import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  InvalidArgument,
  OutcomeUnknown,
  SessionNotFound,
  StoreUnavailable,
} from '../../src/domain/errors.ts';
import { BEAT_MS, STILL_LOOKS } from '../../src/domain/liveness.ts';
import type { OnceCall } from '../../src/domain/once.ts';
import type { SessionHandle } from '../../src/domain/stream-handle.ts';
import type { EventPage } from '../../src/ports/event-log.ts';
import { HOUR, outcomes, times } from '../contract/fixtures.ts';
import { counting, never, type OnceInstance, type OnceLab, onceLab, slow } from '../support/once-lab.ts';

const DEAD_AFTER_MS = BEAT_MS * STILL_LOOKS;
/** As long as instances keep outcomes here. */
const RETENTION_MS = HOUR;
const call: OnceCall = { scope: 'pay', key: 'a secret key', input: { card: 'a secret number' } };
const repeatable: OnceCall = { ...call, repeatable: true };
/** What whoever looks too early finds. */
const NOTHING: EventPage = { events: [], gap: undefined };

let lab: OnceLab;
let handle: SessionHandle;
let a: OnceInstance;
let b: OnceInstance;
let c: OnceInstance;

beforeEach(async () => {
  lab = await onceLab();
  ({ handle, a, b, c } = lab);
});

/** Begins a call that takes until it is told what comes of it. */
async function begin(which: OnceCall = call, { once } = a) {
  const { operation, ...settle } = slow();
  const first = once.run(handle, which, operation);
  first.catch(() => {});
  await lab.pass();
  expect(operation).toHaveBeenCalledTimes(1);
  return { ...settle, first };
}

/** As {@link begin}, but nobody hears of the instance any more. */
async function beginAndDie(which: OnceCall = call, instance = a) {
  const begun = await begin(which, instance);
  vi.spyOn(instance.store.instances, 'beat').mockRejectedValue(new StoreUnavailable());
  return begun;
}

/** Removes what has expired. */
const sweep = () => b.store.sessions.deleteExpired(lab.clock.now(), 1_000);

describe('a call whose instance died', () => {
  it('has an unknown outcome, for whoever waits and whoever comes later', async () => {
    await beginAndDie();
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
    const { first, resolve } = await beginAndDie();
    const repeat = outcomes([b.once.run(handle, call, never)]);
    await lab.pass(DEAD_AFTER_MS);
    await repeat;
    resolve('too late');
    await expect(first).rejects.toThrow(OutcomeUnknown);
    expect(lab.logged()).not.toContain('too late');
  });

  it('has an unknown outcome also where it would have refused', async () => {
    const { first, reject } = await beginAndDie();
    const repeat = outcomes([b.once.run(handle, call, never)]);
    await lab.pass(DEAD_AFTER_MS);
    await repeat;
    reject(new InvalidArgument('amount', 'is too much'));
    await expect(first).rejects.toThrow(OutcomeUnknown);
  });

  it('runs again once where it is repeatable, however many wait', async () => {
    const { first, resolve } = await beginAndDie(repeatable);
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
    await beginAndDie(repeatable);
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
    await beginAndDie(call, b);
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
    await begin();
    const repeat = outcomes([b.once.run(handle, call, never)]);
    await lab.pass();
    await a.liveness.close();
    await lab.pass(BEAT_MS);
    expect((await repeat).errors).toEqual([new OutcomeUnknown()]);
  });

  // Catches: an instance that is taken for dead because nobody has heard of it yet.
  it('is none whose instance beats, however long it runs', async () => {
    const { first, resolve } = await begin();
    const repeat = b.once.run(handle, call, never);
    await lab.pass(RETENTION_MS / 4);
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

describe('an outcome', () => {
  it('is kept for its retention, from when it came', async () => {
    const { first, resolve } = await begin();
    await lab.pass(RETENTION_MS / 2);
    resolve(1);
    await first;
    await lab.pass(RETENTION_MS - 1);
    await sweep();
    expect(await b.once.run(handle, call, never)).toBe(1);
  });

  it('that came between the look and the claim of a repeat is found', async () => {
    await a.once.run(handle, call, async () => 1);
    vi.spyOn(b.store.events, 'read').mockResolvedValueOnce(NOTHING);
    expect(await b.once.run(handle, call, never)).toBe(1);
  });

  it('that is no longer kept leaves its key refused, and then new', async () => {
    await a.once.run(handle, call, async () => 1);
    await lab.pass(RETENTION_MS);
    await expect(b.once.run(handle, call, never)).rejects.toThrow(/^idempotency_key: .* no longer kept/);
    await sweep();
    expect(await b.once.run(handle, call, async () => 2)).toBe(2);
  });

  // Catches: a claim that expires while its call runs, so that the call begins again.
  it('is waited for also where the call takes longer than it is kept', async () => {
    const { first, resolve } = await begin();
    await lab.pass(3 * RETENTION_MS);
    await sweep();
    const repeat = b.once.run(handle, call, never);
    await lab.pass(DEAD_AFTER_MS);
    resolve(1);
    await lab.pass();
    expect(await Promise.all([first, repeat])).toEqual([1, 1]);
    const appends = vi.spyOn(a.store.events, 'append');
    await lab.pass(3 * RETENTION_MS);
    expect(appends).not.toHaveBeenCalled();
  });

  // Catches: a look that ends before the renewal, and so a living owner that is taken for one long dead.
  it('is waited for also behind many claims that came too late', async () => {
    const { resolve } = await begin();
    await lab.pass(60_000);
    const read = vi.spyOn(c.store.events, 'read');
    const late = times(70, () => {
      read.mockResolvedValueOnce(NOTHING);
      return c.once.run(handle, call, never);
    });
    await lab.pass(RETENTION_MS - 30_000);
    const repeat = b.once.run(handle, call, never);
    await lab.pass();
    resolve(1);
    await lab.pass();
    expect(await Promise.all([repeat, ...late])).toEqual(times(71, () => 1));
  });

  // Catches: a claim that came too late taken for its owner's, which would be waited for in vain.
  it.each([
    ['nothing', false],
    ['only one that came too late', true],
  ])('is unknown where the claim has expired, and %s is left of others', async (_, isOther) => {
    const operation = counting();
    await begin(repeatable);
    await lab.pass(60_000);
    // It looked when there was nothing yet.
    vi.spyOn(c.store.events, 'read').mockResolvedValueOnce(NOTHING);
    const late = isOther ? outcomes([c.once.run(handle, call, never)]) : undefined;
    await lab.pass();
    lab.faults.fate = () => 'refused';
    await lab.pass(RETENTION_MS - 30_000);
    const repeat = outcomes([b.once.run(handle, call, never)]);
    await lab.pass();
    expect((await repeat).errors).toEqual([new OutcomeUnknown()]);
    if (late) expect((await late).errors).toEqual([new OutcomeUnknown()]);
    expect(await b.once.run(handle, repeatable, operation)).toBe(1);
  });

  // Catches: a first run that is promised to be over for good, and begins again because its trace expired before
  // that of the second.
  it('that is unknown stays so, also when it would have expired, and what ran instead is kept its time', async () => {
    await a.once.run(handle, call, () => Promise.reject(new Error('a bug'))).catch(() => {});
    await lab.pass(RETENTION_MS - 1_000);
    expect(await b.once.run(handle, repeatable, async () => 2)).toBe(2);
    await lab.pass(2_000);
    await sweep();
    await expect(b.once.run(handle, call, never)).rejects.toThrow(OutcomeUnknown);
    expect(await c.once.run(handle, repeatable, never)).toBe(2);
  });
});

describe('whoever waits', () => {
  it('can leave, which disturbs nobody and leaves nothing behind', async () => {
    let watching = 0;
    const { signals } = b.store;
    const watch = signals.watch.bind(signals);
    vi.spyOn(signals, 'watch').mockImplementation((...args) => {
      watching += 1;
      const release = watch(...args);
      return () => {
        watching -= 1;
        release();
      };
    });
    const { first, resolve } = await begin();
    const leaving = new AbortController();
    const repeat = b.once.run(handle, { ...call, signal: leaving.signal }, never);
    const staying = b.once.run(handle, call, never);
    await lab.pass(BEAT_MS);
    leaving.abort(new Error('the client left'));
    await expect(repeat).rejects.toThrow('the client left');
    resolve(1);
    await lab.pass();
    expect(await Promise.all([first, staying])).toEqual([1, 1]);
    expect(watching).toBe(0);
    const looks = vi.spyOn(b.store.instances, 'beats');
    await lab.pass(10 * BEAT_MS);
    expect(looks).not.toHaveBeenCalled();
  });

  it('and has left already asks for nothing, but what runs goes on when its caller leaves', async () => {
    const signal = AbortSignal.abort(new Error('the client left'));
    await expect(a.once.run(handle, { ...call, signal }, never)).rejects.toThrow('the client left');
    const leaving = new AbortController();
    const { first, resolve } = await begin({ ...call, signal: leaving.signal });
    leaving.abort();
    resolve(1);
    expect(await first).toBe(1);
  });

  it('can leave while it looks', async () => {
    await begin();
    const leaving = new AbortController();
    const { events } = b.store;
    const read = events.read.bind(events);
    vi.spyOn(events, 'read').mockImplementationOnce(async (...args) => {
      leaving.abort(new Error('the client left'));
      return read(...args);
    });
    await expect(b.once.run(handle, { ...call, signal: leaving.signal }, never)).rejects.toThrow(
      'the client left',
    );
  });

  it('learns that the session is gone, as does whoever runs', async () => {
    const { first, resolve } = await begin();
    const repeat = outcomes([b.once.run(handle, call, never)]);
    await lab.pass();
    await b.store.sessions.delete(handle.session.ref, lab.clock.now());
    expect((await repeat).errors).toEqual([new SessionNotFound()]);
    resolve(1);
    await expect(first).rejects.toThrow(SessionNotFound);
  });
});

// Catches: a stolen dump that tells what was asked for, or opens the session.
it('neither the key nor the arguments nor the session id are stored, and a result with the id in it is whole', async () => {
  const result = { text: `session ${handle.id}`, [handle.id]: 1 };
  expect(await a.once.run(handle, call, async () => result)).toEqual(result);
  expect(await b.once.run(handle, call, never)).toEqual(result);
  expect(lab.logged()).toContain('session session-id-');
  for (const secret of [handle.id, 'a secret']) expect(lab.logged()).not.toContain(secret);
});
