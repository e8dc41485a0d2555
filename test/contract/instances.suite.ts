import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { INSTANCE_KEPT_MS } from '../../src/domain/limits.ts';
import type { Store } from '../../src/ports/store.ts';
import { NOW, outcomes, times } from './fixtures.ts';
import type { HarnessFactory, StoreHarness } from './harness.ts';

/** `Instances`. Two instances of the store, `a` and `b`, on one engine. */
export function instancesContract(makeHarness: HarnessFactory): void {
  describe('instances', () => {
    let harness: StoreHarness;
    let a: Store;
    let b: Store;
    let id: string;

    beforeAll(async () => {
      harness = await makeHarness();
      a = await harness.open();
      b = await harness.open();
    });
    afterAll(() => harness?.close());
    beforeEach(() => {
      id = newInstance();
    });

    it('counts beats from 1, for every instance of the store to see', async () => {
      for (const [index, store] of [a, b, a].entries()) {
        await store.instances.beat(id, NOW + index);
        expect(await a.instances.beats(id)).toBe(index + 1);
        expect(await b.instances.beats(id)).toBe(index + 1);
      }
    });

    it('does not know one that never beat, and forgets it in silence', async () => {
      expect(await a.instances.beats(id)).toBeUndefined();
      await a.instances.forget(id);
      expect(await a.instances.beats(id)).toBeUndefined();
    });

    it('keeps instances apart', async () => {
      const other = newInstance();
      await a.instances.beat(id, NOW);
      await a.instances.beat(other, NOW);
      await b.instances.beat(other, NOW);
      expect([await b.instances.beats(id), await b.instances.beats(other)]).toEqual([1, 2]);
      await b.instances.forget(other);
      expect([await a.instances.beats(id), await a.instances.beats(other)]).toEqual([1, undefined]);
    });

    // Catches: read-then-write, where one of two beats at a time is lost and a living instance seems dead.
    it('counts every one of 20 concurrent beats', async () => {
      const beats = times(20, (index) => (index % 2 ? a : b).instances.beat(id, NOW + index));
      expect((await outcomes(beats)).errors).toEqual([]);
      expect(await a.instances.beats(id)).toBe(20);
    });

    it('begins at 1 again after it was forgotten', async () => {
      await a.instances.beat(id, NOW);
      await a.instances.beat(id, NOW);
      await b.instances.forget(id);
      expect(await a.instances.beats(id)).toBeUndefined();
      await a.instances.beat(id, NOW);
      expect(await b.instances.beats(id)).toBe(1);
    });

    // Catches: a sweep by the first beat, by the clock of a beat that was set back, or a millisecond too early.
    it('is kept for an hour after its last beat', async () => {
      for (const at of [NOW - INSTANCE_KEPT_MS, NOW, NOW - 1]) await a.instances.beat(id, at);
      await b.sessions.deleteExpired(NOW + INSTANCE_KEPT_MS - 1, 1_000);
      expect(await a.instances.beats(id)).toBe(3);
      await b.sessions.deleteExpired(NOW + INSTANCE_KEPT_MS, 1_000);
      // Elsewhere the engine removes it by its TTL attribute; the adapter's own test looks at that attribute.
      expect(await a.instances.beats(id)).toBe(harness.capabilities.sweeps ? undefined : 3);
    });
  });
}

/** As an instance of the service names itself. */
function newInstance(): string {
  return randomBytes(8).toString('hex');
}
