import { beforeEach, describe, expect, it, vi } from 'vitest';
import { memoryStore } from '../../src/adapters/memory/store.ts';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import { BEAT_MS, Liveness, STILL_LOOKS } from '../../src/domain/liveness.ts';
import { type InstanceId, newInstanceId } from '../../src/domain/stream-name.ts';
import type { Instances } from '../../src/ports/instances.ts';
import { NOW, times } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { gate } from '../support/stream-lab.ts';

const DEAD_AFTER_MS = BEAT_MS * STILL_LOOKS;

let clock: FakeClock;
let instances: Instances;
let errors: unknown[];
let owner: Liveness;

function liveness(instance: InstanceId = newInstanceId()): Liveness {
  return new Liveness({ instance, instances, clock, onError: (error) => errors.push(error) });
}

/** Lets what is ready run, then time pass. */
async function pass(ms: number): Promise<void> {
  await clock.advance(0);
  await clock.advance(ms);
}

const beats = () => instances.beats(owner.instance);

beforeEach(() => {
  clock = new FakeClock(NOW);
  ({ instances } = memoryStore());
  errors = [];
  owner = liveness();
});

it('takes an instance for dead after 12 s', () => {
  expect({ BEAT_MS, DEAD_AFTER_MS }).toEqual({ BEAT_MS: 3_000, DEAD_AFTER_MS: 12_000 });
});

describe('an instance that holds', () => {
  // Catches: a stream whose owner nobody knows yet, which is dead at once to whoever resumes it.
  it('has beaten when hold resolves', async () => {
    const store = gate();
    const beat = instances.beat.bind(instances);
    vi.spyOn(instances, 'beat').mockImplementationOnce(async (...args) => {
      await store.passed;
      await beat(...args);
    });
    let holds = 0;
    const held = times(2, () => owner.hold().then(() => (holds += 1)));
    await pass(60_000);
    expect(holds).toBe(0);
    store.open();
    await Promise.all(held);
    expect(await beats()).toBe(1);
  });

  it('beats every 3 s, and not after it let go', async () => {
    expect(await beats()).toBeUndefined();
    const release = await owner.hold();
    for (const count of [2, 3, 4]) {
      await pass(BEAT_MS - 1);
      expect(await beats()).toBe(count - 1);
      await pass(1);
      expect(await beats()).toBe(count);
    }
    release();
    await pass(60_000);
    expect(await beats()).toBe(4);
  });

  it('beats no faster for more, and goes on until the last lets go', async () => {
    const releases = await Promise.all(times(5, () => owner.hold()));
    expect(await beats()).toBe(1);
    await pass(BEAT_MS);
    expect(await beats()).toBe(2);
    for (const release of releases.slice(1)) {
      release();
      // Letting go twice is letting go once.
      release();
    }
    await pass(2 * BEAT_MS);
    expect(await beats()).toBe(4);
    releases[0]?.();
    await pass(60_000);
    expect(await beats()).toBe(4);
  });

  // Catches: a loop for each time that a call began when none ran.
  it('has one loop however often it let go and held again', async () => {
    for (const _ of times(20, () => {})) (await owner.hold())();
    const release = await owner.hold();
    const before = (await beats()) ?? 0;
    await pass(10 * BEAT_MS);
    expect(await beats()).toBe(before + 10);
    release();
  });

  it('has one loop also when it held again while a beat was under way', async () => {
    const release = await owner.hold();
    const store = gate();
    const beat = instances.beat.bind(instances);
    vi.spyOn(instances, 'beat').mockImplementationOnce(async (...args) => {
      await store.passed;
      await beat(...args);
    });
    await pass(BEAT_MS);
    release();
    const again = await owner.hold();
    store.open();
    await pass(0);
    const before = (await beats()) ?? 0;
    await pass(10 * BEAT_MS);
    expect(await beats()).toBe(before + 10);
    again();
  });

  it('fails with the first beat, and can hold again', async () => {
    vi.spyOn(instances, 'beat').mockRejectedValueOnce(new StoreUnavailable());
    await expect(owner.hold()).rejects.toThrow(StoreUnavailable);
    await pass(60_000);
    expect(await beats()).toBeUndefined();
    await owner.hold();
    await pass(BEAT_MS);
    expect(await beats()).toBe(2);
  });

  it('goes on beating after an outage, which it tells of', async () => {
    await owner.hold();
    const beat = vi.spyOn(instances, 'beat').mockRejectedValue(new StoreUnavailable());
    await pass(4 * BEAT_MS);
    expect(errors).toHaveLength(4);
    beat.mockRestore();
    await pass(BEAT_MS);
    expect(await beats()).toBe(2);
  });
});

describe('whoever waits for an instance', () => {
  let deaths: number;
  const observe = (observer: Liveness = liveness(), whom = owner.instance) =>
    observer.observe(whom, () => {
      deaths += 1;
    });

  beforeEach(() => {
    deaths = 0;
  });

  it('takes it for dead after four looks without a beat', async () => {
    (await owner.hold())();
    observe();
    await pass(DEAD_AFTER_MS - 1);
    expect(deaths).toBe(0);
    await pass(1);
    expect(deaths).toBe(1);
  });

  it('takes it for dead four looks after its last beat, however long it lived', async () => {
    const release = await owner.hold();
    observe();
    await pass(10 * DEAD_AFTER_MS);
    release();
    await pass(DEAD_AFTER_MS - BEAT_MS);
    expect(deaths).toBe(0);
    await pass(BEAT_MS);
    expect(deaths).toBe(1);
  });

  it('takes one that is not known for dead at once', async () => {
    observe();
    await pass(0);
    expect(deaths).toBe(1);
  });

  it('takes one that ended in order for dead at the next look', async () => {
    await owner.hold();
    observe();
    await pass(0);
    await owner.close();
    await pass(BEAT_MS);
    expect(deaths).toBe(1);
  });

  it('does not take one that beats for dead', async () => {
    await owner.hold();
    observe();
    await pass(100 * DEAD_AFTER_MS);
    expect(deaths).toBe(0);
  });

  // Catches: a deadline on the observer's clock, which passes also while the observer itself stands still.
  it('does not take one that beats for dead, however slow its own looks are', async () => {
    const count = instances.beats.bind(instances);
    vi.spyOn(instances, 'beats').mockImplementation(async (instance) => {
      const found = await count(instance);
      await new Promise<void>((resolve) => clock.schedule(10 * DEAD_AFTER_MS, resolve));
      return found;
    });
    await owner.hold();
    observe();
    await pass(100 * DEAD_AFTER_MS);
    expect(deaths).toBe(0);
  });

  it('does not take one for dead because of its own failing looks, nor forgets what it saw', async () => {
    (await owner.hold())();
    observe();
    await pass(2 * BEAT_MS);
    const look = vi.spyOn(instances, 'beats').mockRejectedValue(new StoreUnavailable());
    await pass(20 * BEAT_MS);
    expect(errors).toHaveLength(20);
    expect(deaths).toBe(0);
    look.mockRestore();
    await pass(BEAT_MS);
    expect(deaths).toBe(0);
    await pass(BEAT_MS);
    expect(deaths).toBe(1);
  });

  it('looks once for all who wait here, and tells each', async () => {
    (await owner.hold())();
    const observer = liveness();
    const look = vi.spyOn(instances, 'beats');
    for (const _ of times(3, () => {})) observe(observer);
    await pass(DEAD_AFTER_MS);
    expect(look).toHaveBeenCalledTimes(1 + STILL_LOOKS);
    expect(deaths).toBe(3);
  });

  it('is told nothing, and looks no more, once it waits no longer', async () => {
    (await owner.hold())();
    const observer = liveness();
    const [one, other] = [observe(observer), observe(observer)];
    one();
    one();
    await pass(DEAD_AFTER_MS);
    expect(deaths).toBe(1);
    other();
    const look = vi.spyOn(instances, 'beats');
    await pass(10 * DEAD_AFTER_MS);
    expect(look).not.toHaveBeenCalled();
    expect(deaths).toBe(1);
  });

  it('waits anew where it waited before', async () => {
    (await owner.hold())();
    const observer = liveness();
    const stop = observe(observer);
    await pass(DEAD_AFTER_MS - 1);
    stop();
    observe(observer);
    await pass(DEAD_AFTER_MS - 1);
    expect(deaths).toBe(0);
    await pass(1);
    expect(deaths).toBe(1);
  });
});

describe('an instance that closes', () => {
  it('is forgotten, and neither beats nor looks any more', async () => {
    (await owner.hold())();
    const other = liveness();
    await other.hold();
    const onDead = vi.fn();
    other.observe(owner.instance, onDead);
    await pass(0);
    await other.close();
    const look = vi.spyOn(instances, 'beats');
    await pass(10 * DEAD_AFTER_MS);
    expect(look).not.toHaveBeenCalled();
    expect(onDead).not.toHaveBeenCalled();
    expect(await instances.beats(other.instance)).toBeUndefined();
  });

  // The beat that was under way schedules the next one.
  it('beats no more, also if a beat was under way and something is still held', async () => {
    await owner.hold();
    const store = gate();
    vi.spyOn(instances, 'beat').mockImplementationOnce(() => store.passed);
    await pass(BEAT_MS);
    await owner.close();
    store.open();
    await pass(BEAT_MS);
    expect(await beats()).toBeUndefined();
  });
});
