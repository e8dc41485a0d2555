import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  DurableMcpError,
  InvalidArgument,
  LimitExceeded,
  OutcomeUnknown,
  SessionNotFound,
  StoreUnavailable,
  StreamEnded,
  VersionConflict,
} from '../../src/domain/errors.ts';
import { BEAT_MS, STILL_LOOKS } from '../../src/domain/liveness.ts';
import { Once, type OnceCall } from '../../src/domain/once.ts';
import { newSessionId, sessionRef } from '../../src/domain/session.ts';
import type { SessionHandle } from '../../src/domain/stream-handle.ts';
import { newSession, outcomes, times } from '../contract/fixtures.ts';
import { counting, never, type OnceInstance, type OnceLab, onceLab, slow } from '../support/once-lab.ts';

const DEAD_AFTER_MS = BEAT_MS * STILL_LOOKS;
const call: OnceCall = { scope: 'pay', key: 'k-1', input: { amount: 1, to: ['x'] } };
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

describe('a call', () => {
  it.each<[string, unknown]>([
    ['a tool’s result', { content: [{ type: 'text', text: 'ok' }], structuredContent: { n: 1 } }],
    ['null', null],
    ['nothing', undefined],
    ['false', false],
    ['what looks like an outcome', { unknown: true, refusal: { code: 'x' }, input: 'y', result: 1 }],
    ['members named like the prototype’s', JSON.parse('{"__proto__":{"x":1}}')],
    ['hard text', 'a\u0000b\u2028"\\ 😀'],
    ['more than a megabyte', 'é'.repeat(1_200_000)],
  ])('that gives %s gives it equal to its repeats, on any instance', async (_, value) => {
    const operation = vi.fn(async () => value);
    expect(await a.once.run(handle, call, operation)).toEqual(value);
    expect(await a.once.run(handle, call, never)).toEqual(value);
    expect(await b.once.run(handle, call, never)).toEqual(value);
    expect(operation).toHaveBeenCalledTimes(1);
  });

  // Catches: a first caller who is given something that no repeat will be given.
  it('gives its first caller too what JSON makes of a result', async () => {
    const at = new Date(0);
    expect(await a.once.run<unknown>(handle, call, async () => ({ at, none: undefined }))).toStrictEqual({
      at: at.toISOString(),
    });
  });

  // Catches: a claim that is won by whoever appended one.
  it('runs once of three that race on three instances', async () => {
    const operation = counting();
    const racers = [a, b, c].map(({ once }) => once.run(handle, call, operation));
    await lab.pass();
    expect(await Promise.all(racers)).toEqual([1, 1, 1]);
  });

  it('runs once of twenty that race on one instance', async () => {
    const operation = counting();
    const racers = times(20, () => a.once.run(handle, call, operation));
    await lab.pass();
    expect(await Promise.all(racers)).toEqual(times(20, () => 1));
  });

  it('is waited for while it runs, without any deadline', async () => {
    const { operation, resolve } = slow();
    const all = [a.once.run(handle, call, operation)];
    await lab.pass();
    all.push(...[a, b].map(({ once }) => once.run(handle, call, never)));
    const done = vi.fn();
    for (const each of all) void each.then(done);
    await lab.pass(10 * DEAD_AFTER_MS);
    expect(done).not.toHaveBeenCalled();
    resolve('at last');
    await lab.pass();
    expect(await Promise.all(all)).toEqual(times(3, () => 'at last'));
  });

  // Catches: a result that its caller has, and that a crash undoes.
  it('resolves when its outcome is stored, and not before', async () => {
    const { faults } = lab;
    faults.fate = ({ end }) => (end === true ? 'refused' : 'made');
    let isDone = false;
    const first = a.once
      .run(handle, call, async () => 1)
      .then(() => {
        isDone = true;
      });
    await lab.pass(10_000);
    expect(isDone).toBe(false);
    expect(faults.failures).toBeGreaterThan(1);
    faults.fate = () => 'made';
    await lab.pass(2_000);
    await first;
    expect(await b.once.run(handle, call, never)).toBe(1);
  });

  // Catches: reads before and after each step, and signals that nobody waits for.
  it('costs a read, a beat and two appends, of which one is signalled; a repeat one read', async () => {
    const { events, instances, signals } = a.store;
    const spies = {
      read: vi.spyOn(events, 'read'),
      lastSequence: vi.spyOn(events, 'lastSequence'),
      append: vi.spyOn(events, 'append'),
      beat: vi.spyOn(instances, 'beat'),
      publish: vi.spyOn(signals, 'publish'),
    };
    const costs = () =>
      Object.fromEntries(Object.entries(spies).map(([name, spy]) => [name, spy.mock.calls.length]));
    await a.once.run(handle, call, async () => 1);
    expect(costs()).toEqual({ read: 1, lastSequence: 0, append: 2, beat: 1, publish: 1 });
    await a.once.run(handle, call, never);
    expect(costs()).toEqual({ read: 2, lastSequence: 0, append: 2, beat: 1, publish: 1 });
    // Nobody else is told that this instance lives once it runs nothing.
    await lab.pass(10 * BEAT_MS);
    expect(spies.beat).toHaveBeenCalledTimes(1);
  });

  it('is another one under another scope, key or session', async () => {
    const id = newSessionId();
    const session = newSession({ ref: sessionRef(id) });
    await a.store.sessions.create(session);
    const calls: [SessionHandle, OnceCall][] = [
      [handle, call],
      [handle, { ...call, scope: 'refund' }],
      [handle, { ...call, key: 'k-2' }],
      [handle, { ...call, scope: 'payk', key: '-1' }],
      [{ session, id }, call],
    ];
    for (const [index, [whose, which]] of calls.entries()) {
      expect(await a.once.run(whose, which, async () => index)).toBe(index);
    }
    // Catches: a hash that is the same in each session, so that whoever reads the store can find keys by guessing.
    const names = new Set(lab.logged().match(/once-[\w-]{43}-0/g));
    expect(names.size).toBe(calls.length);
    for (const [index, [whose, which]] of calls.entries()) {
      expect(await b.once.run(whose, which, never)).toBe(index);
    }
  });

  it.each([
    ['empty', ''],
    ['257 characters', 'x'.repeat(257)],
    ['769 bytes', `${'€'.repeat(255)}\u{1f600}`],
    ['a lone surrogate', '\ud800'],
    ['a newline', 'a\nb'],
  ])('is refused with a key that is %s', async (_, key) => {
    const run = a.once.run(handle, { ...call, key }, never);
    await expect(run).rejects.toThrow(InvalidArgument);
    await expect(run).rejects.toThrow(/^idempotency_key: /);
  });

  it('is refused with arguments that are nested too deeply', async () => {
    const input = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`);
    await expect(a.once.run(handle, { ...call, input }, never)).rejects.toThrow(/^arguments: .*1000 levels/);
  });

  it('keeps nothing for a retention of less than a minute', () => {
    for (const idempotencyRetentionMs of [59_999, 0, -1, Number.NaN]) {
      expect(() => new Once({ ...a, idempotencyRetentionMs })).toThrow(RangeError);
    }
    expect(() => new Once({ ...a, idempotencyRetentionMs: 60_000 })).not.toThrow();
  });
});

describe('a key that comes with other arguments', () => {
  const other = { ...call, input: { amount: 2, to: ['x'] } };
  const refused = /^idempotency_key: was used before with other arguments/;

  it('is refused after the call, whatever came of it', async () => {
    await a.once.run(handle, call, async () => 1);
    await expect(b.once.run(handle, other, never)).rejects.toThrow(refused);
    const failing = { ...call, key: 'k-2' };
    await a.once.run(handle, failing, () => Promise.reject(new Error('a bug'))).catch(() => {});
    await expect(b.once.run(handle, { ...other, key: 'k-2', repeatable: true }, never)).rejects.toThrow(
      refused,
    );
  });

  it('is refused at once while it runs', async () => {
    void a.once.run(handle, call, slow().operation);
    await lab.pass();
    await expect(b.once.run(handle, other, never)).rejects.toThrow(refused);
  });

  it('in a race is refused for whoever comes second', async () => {
    const racers = outcomes([
      a.once.run(handle, call, async () => 'one'),
      b.once.run(handle, other, async () => 'other'),
    ]);
    await lab.pass();
    const { values, errors } = await racers;
    expect(values).toHaveLength(1);
    expect(errors).toMatchObject([{ code: 'invalid_argument' }]);
  });

  it('in another order is a repeat', async () => {
    await a.once.run(handle, { ...call, input: { a: { b: 1, c: [1, 2] }, d: null } }, async () => 1);
    const input = { d: null, e: undefined, a: { c: [1, 2], b: 1 } };
    expect(await b.once.run(handle, { ...call, input }, never)).toBe(1);
    await expect(
      b.once.run(handle, { ...call, input: { ...input, a: { c: [2, 1], b: 1 } } }, never),
    ).rejects.toThrow(refused);
  });
});

describe('a refusal', () => {
  it.each([
    new VersionConflict('key "x"', 1, 2),
    new InvalidArgument('amount', 'is too much'),
    new LimitExceeded('keys: too many', 3),
    new SessionNotFound(),
  ])('%s is an outcome: repeats get it again', async (error) => {
    await expect(a.once.run(handle, repeatable, () => Promise.reject(error))).rejects.toBe(error);
    for (const { once } of [a, b]) {
      const repeat = once.run(handle, repeatable, never);
      await expect(repeat).rejects.toBeInstanceOf(DurableMcpError);
      await expect(repeat).rejects.toMatchObject({ code: error.code, message: error.message });
    }
  });
});

describe('a failure that leaves the outcome unknown', () => {
  // Catches: a caller who is told to try again shortly what can never succeed.
  it('because the store failed is told the first caller and every repeat, also when the store is back', async () => {
    const cause = new StoreUnavailable();
    const first = a.once.run(handle, call, () => Promise.reject(cause));
    await expect(first).rejects.toMatchObject({ code: 'outcome_unknown', cause });
    expect(a.errors).toEqual([cause]);
    for (const { once } of [a, b])
      await expect(once.run(handle, call, never)).rejects.toThrow(OutcomeUnknown);
  });

  it('lets a repeatable call be tried again, until it has an outcome', async () => {
    for (const _ of times(3, () => {})) {
      const run = b.once.run(handle, repeatable, () => Promise.reject(new StoreUnavailable()));
      await expect(run).rejects.toThrow(StoreUnavailable);
    }
    expect(await a.once.run(handle, repeatable, async () => 1)).toBe(1);
    expect(await b.once.run(handle, repeatable, never)).toBe(1);
    await expect(b.once.run(handle, call, never)).rejects.toThrow(OutcomeUnknown);
  });

  it.each([
    new TypeError('at line 7 of a secret'),
    new StreamEnded(),
    new OutcomeUnknown(),
    // Catches: repeats that are told for good of a queue that was full for a moment.
    new LimitExceeded('1,000 changes wait: a secret', 1_000, { isPassing: true }),
  ])('because of %s is thrown as it is, and repeats are told no more', async (error) => {
    await expect(a.once.run(handle, call, () => Promise.reject(error))).rejects.toBe(error);
    await expect(b.once.run(handle, call, never)).rejects.toThrow(OutcomeUnknown);
    expect(
      JSON.stringify([...lab.shared.data.sessions.values()].map(({ streams }) => [...streams])),
    ).not.toContain('secret');
  });

  // Catches: a call that did its work, and is run again because its result could not be written down.
  it('because the result is no JSON ends the run too', async () => {
    await expect(a.once.run(handle, call, async () => 1n)).rejects.toThrow(TypeError);
    await expect(b.once.run(handle, call, never)).rejects.toThrow(OutcomeUnknown);
  });

  it('because the store cannot keep the result ends the run too', async () => {
    const append = a.store.events.append.bind(a.store.events);
    vi.spyOn(a.store.events, 'append').mockImplementation(async (...args) => {
      if (args[1].data.join('').includes('unkeepable')) throw new Error('too large');
      return append(...args);
    });
    await expect(a.once.run(handle, call, async () => 'unkeepable')).rejects.toThrow('too large');
    await expect(b.once.run(handle, call, never)).rejects.toThrow(OutcomeUnknown);
  });

  it('is told as it is also where it cannot be stored', async () => {
    const run = a.once.run(handle, call, async () => {
      await b.store.sessions.delete(handle.session.ref, lab.clock.now());
      throw new TypeError('a bug');
    });
    await expect(run).rejects.toThrow('a bug');
    expect(a.errors).toEqual([]);
  });
});
