import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { OutcomeUnknown } from '../../src/domain/errors.ts';
import { BEAT_MS } from '../../src/domain/liveness.ts';
import type { OnceCall } from '../../src/domain/once.ts';
import { newSessionId, sessionRef } from '../../src/domain/session.ts';
import type { SessionHandle } from '../../src/domain/stream-handle.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually, HOUR, NOW, newSession, outcomes, times } from '../contract/fixtures.ts';
import type { HarnessFactory, StoreHarness } from '../contract/harness.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { counting, never, type OnceInstance, onceInstance, slow } from '../support/once-lab.ts';

const call: OnceCall = { scope: 'pay', key: 'a secret key', input: { card: 'a secret number' } };
const repeatable: OnceCall = { ...call, repeatable: true };

/** An instance with a time of its own: while that stands still it does not beat, and finds nobody dead. */
interface TimedInstance extends OnceInstance {
  readonly clock: FakeClock;
}

/** Calls that run once, and names that are used once, over several instances on one engine. */
export function onceSuite(name: string, makeHarness: HarnessFactory): void {
  describe(`calls that run once on ${name}`, () => {
    let harness: StoreHarness;
    let stores: readonly Store[];
    let handle: SessionHandle;
    let a: TimedInstance;
    let b: TimedInstance;
    let c: TimedInstance;

    const instanceOn = (store: Store): TimedInstance => {
      const clock = new FakeClock(NOW);
      return { ...onceInstance(store, clock), clock };
    };

    beforeAll(async () => {
      harness = await makeHarness();
      stores = await Promise.all(times(3, () => harness.open()));
    });
    afterAll(() => harness?.close());
    beforeEach(async () => {
      [a, b, c] = stores.map(instanceOn) as [TimedInstance, TimedInstance, TimedInstance];
      const id = newSessionId();
      const session = newSession({ ref: sessionRef(id), expiresAt: NOW + 24 * HOUR });
      await a.store.sessions.create(session);
      handle = { session, id };
    });

    /** Begins a call on `a` that takes until it is told what comes of it. */
    const begin = async (which: OnceCall = call) => {
      const { operation, ...settle } = slow();
      const first = a.once.run(handle, which, operation);
      first.catch(() => {});
      await eventually(() => vi.mocked(operation).mock.calls.length === 1, 'the call runs');
      return { ...settle, first };
    };

    /** Lets time pass for these instances until it is so, and no longer: then nobody who lives is found dead. */
    const passUntil = (instances: readonly TimedInstance[], condition: () => boolean, what: string) =>
      eventually(async () => {
        if (condition()) return true;
        for (const { clock } of instances) await clock.advance(BEAT_MS);
        return false;
      }, what);

    /** Lets time pass for these instances until the promise is settled. */
    const inTime = async <T>(instances: readonly TimedInstance[], promise: Promise<T>): Promise<T> => {
      const settled = vi.fn();
      promise.then(settled, settled);
      await passUntil(instances, () => settled.mock.calls.length > 0, 'the outcome');
      return promise;
    };

    // Catches: a claim that two instances win, and a result that is more than an item.
    it('of calls that race on three instances one runs, and all have what came of it', async () => {
      const text = 'é'.repeat(200_000);
      const races = times(4, (race) => {
        const run = counting();
        const operation = async () => ({ race, run: await run(), ...(race === 0 ? { text } : {}) });
        const key = `race ${race}`;
        return Promise.all([a, b, c, a, b].map(({ once }) => once.run(handle, { ...call, key }, operation)));
      });
      for (const [race, results] of (await Promise.all(races)).entries()) {
        const result = { race, run: 1, ...(race === 0 ? { text } : {}) };
        for (const each of results) expect(each).toEqual(result);
      }
    });

    it('a repeat waits while the call runs, and has what came of it as soon as that is there', async () => {
      const { first, resolve } = await begin();
      const looks = stores.map(({ instances }) => vi.spyOn(instances, 'beats'));
      const repeats = [a, b, c].map(({ once }) => once.run(handle, call, never));
      await eventually(() => looks.every((look) => look.mock.calls.length > 0), 'all wait');
      for (const look of looks) look.mockRestore();
      resolve({ n: 1 });
      expect(await Promise.all([first, ...repeats])).toEqual(times(4, () => ({ n: 1 })));
    });

    it('a repeat has what came of the call, on an instance that was not there', async () => {
      const result = { text: 'x'.repeat(1_200_000), session: handle.id };
      await a.once.run(handle, call, async () => result);
      const young = instanceOn(await harness.open());
      expect(await young.once.run(handle, call, never)).toEqual(result);
    });

    // Catches: two outcomes of one call, and a wait for an instance that is gone.
    it('a call whose instance died has an unknown outcome, for its own caller too', async () => {
      const { first, resolve } = await begin();
      const { errors } = await inTime(
        [b, c],
        outcomes([b, c].map(({ once }) => once.run(handle, call, never))),
      );
      expect(errors).toEqual(times(2, () => new OutcomeUnknown()));
      resolve('too late');
      await expect(first).rejects.toThrow(OutcomeUnknown);
      await expect(c.once.run(handle, call, never)).rejects.toThrow(OutcomeUnknown);
    });

    it('a repeatable call whose instance died runs again once', async () => {
      const { first, resolve } = await begin(repeatable);
      const again = vi.fn(counting());
      const repeats = [b, c, b, c].map(({ once }) => once.run(handle, repeatable, again));
      await passUntil([b, c], () => again.mock.calls.length > 0, 'the call runs again');
      expect(await Promise.all(repeats)).toEqual([1, 1, 1, 1]);
      resolve('too late');
      expect(await first).toBe(1);
    });

    it('an append that is not acknowledged changes nothing', async () => {
      const faults = new FaultyStore();
      const faulty = instanceOn(faults.wrap(a.store));
      let appends = 0;
      faults.fate = () => {
        appends += 1;
        return appends % 2 === 1 ? 'made and lost' : 'made';
      };
      expect(await inTime([faulty], faulty.once.run(handle, call, counting()))).toBe(1);
      expect(await b.once.run(handle, call, never)).toBe(1);
      expect(faults.failures).toBe(2);
    });

    it('of claims of a name on three instances one is told true', async () => {
      const names = times(5, (index) => `${handle.session.ref} ${index}`);
      const claims = names.map((each) =>
        Promise.all([a, b, c, a].map(({ singleUse }) => singleUse.claim(each, HOUR))),
      );
      for (const told of await Promise.all(claims)) {
        expect(told.filter(Boolean)).toHaveLength(1);
      }
    });

    // Catches: a stolen dump that tells what was asked for, or opens the session.
    it('neither keys nor arguments nor ids of sessions are stored', async () => {
      const other = newSessionId();
      const result = { marker: `is ${handle.id}`, opened: other };
      expect(await a.once.run(handle, call, async () => result)).toEqual(result);
      expect(await b.once.run(handle, call, never)).toEqual(result);
      const dump = await harness.dump();
      expect(dump).toContain('marker');
      for (const secret of [handle.id, other, 'a secret']) expect(dump.includes(secret)).toBe(false);
    });
  });
}
