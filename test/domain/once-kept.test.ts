import { beforeEach, describe, expect, it, vi } from 'vitest';
import { OutcomeUnknown, SessionNotFound } from '../../src/domain/errors.ts';
import { BEAT_MS, STILL_LOOKS } from '../../src/domain/liveness.ts';
import type { OnceCall } from '../../src/domain/once.ts';
import { newSessionId, showRef } from '../../src/domain/session.ts';
import type { SessionHandle } from '../../src/domain/stream-handle.ts';
import type { EventPage } from '../../src/ports/event-log.ts';
import { HOUR, outcomes, times } from '../contract/fixtures.ts';
import { counting, never, type OnceInstance, type OnceLab, onceLab } from '../support/once-lab.ts';

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

/** Removes what has expired. */
const sweep = () => b.store.sessions.deleteExpired(lab.clock.now(), 1_000);

describe('an outcome', () => {
  it('is kept for its retention, from when it came', async () => {
    const { first, resolve } = await lab.begin(call);
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
    const { first, resolve } = await lab.begin(call);
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
    const { resolve } = await lab.begin(call);
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
    await lab.begin(repeatable);
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
    const { first, resolve } = await lab.begin(call);
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
    const { first, resolve } = await lab.begin({ ...call, signal: leaving.signal });
    leaving.abort();
    resolve(1);
    expect(await first).toBe(1);
  });

  it('can leave while it looks', async () => {
    await lab.begin(call);
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
    const { first, resolve } = await lab.begin(call);
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

// Catches: an outcome with a hole in it that nobody can tell, or arguments that seem to be others, for who names the
// session otherwise.
it('a result with another session’s id is whole for who names the session as the one that ran did, and else refused', async () => {
  const other = newSessionId();
  const named = { ...handle, id: showRef(handle.session.ref) };
  for (const [key, writer, reader] of [
    ['by id', handle, named],
    ['by reference', named, handle],
  ] as const) {
    const result = { opened: other, n: 1 };
    expect(await a.once.run(writer, { ...call, key }, async () => result)).toEqual(result);
    expect(await b.once.run(writer, { ...call, key }, never)).toEqual(result);
    await expect(b.once.run(reader, { ...call, key }, never)).rejects.toThrow(
      /^session_id: is another name of the session/,
    );
  }
  expect(lab.logged()).not.toContain(other);
});
