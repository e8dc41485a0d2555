import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Change, ChangeStep } from '../../src/domain/change.ts';
import { CHANGES_STREAM } from '../../src/domain/change-follower.ts';
import { type ChangeSubscription, Changes } from '../../src/domain/changes.ts';
import { InvalidArgument, StoreUnavailable } from '../../src/domain/errors.ts';
import { MOST_PENDING } from '../../src/domain/pending-changes.ts';
import type { SessionRef } from '../../src/domain/session.ts';
import { SharedLog } from '../../src/domain/shared-log.ts';
import { encodeRecord } from '../../src/domain/stream-record.ts';
import type { EventLog } from '../../src/ports/event-log.ts';
import { outcomes, times } from '../contract/fixtures.ts';
import { gate, type LabInstance, type StreamLab, said, setBack, streamLab } from '../support/stream-lab.ts';

const TOOLS = { kind: 'tools_list_changed' } as const;
const PROMPTS = { kind: 'prompts_list_changed' } as const;
const resource = (uri: string | number) => ({ kind: 'resource_updated', uri: `x:${uri}` }) as const;

interface Instance extends LabInstance {
  readonly changes: Changes;
}

let lab: StreamLab;
let a: Instance;
let b: Instance;

beforeEach(async () => {
  lab = await streamLab();
  [a, b] = [instance(), instance()];
});

function instance(): Instance {
  const made = lab.instance();
  const log = new SharedLog({ repository: made.store.sessions, streams: made.streams, clock: lab.clock });
  const onError = (error: unknown): unknown => made.errors.push(error);
  return { ...made, changes: new Changes({ log, clock: lab.clock, onError }) };
}

/** Listens, and keeps what it was told: a change as what it says, without its place. */
async function listen({ changes }: Instance): Promise<ChangeSubscription & { readonly told: unknown[] }> {
  const told: unknown[] = [];
  const subscription = changes.subscribe((step) => told.push(saidBy(step)));
  await subscription.ready;
  return { ...subscription, told };
}

const saidBy = (step: ChangeStep): unknown => (step.kind === 'change' ? step.change : step.kind);

/** Publishes one after the other, and lets everybody hear of it. */
async function publish({ changes }: Instance, ...published: Change[]): Promise<void> {
  for (const change of published) await changes.publish(change);
  await lab.pass();
}

/** Lets appends end as `fate` says: an error instead of, or after, having been made. */
function failing(
  { store }: Instance,
  fate: () => 'made' | 'refused' | 'made and lost',
): { attempts: number } {
  const seen = { attempts: 0 };
  const append = store.events.append.bind(store.events);
  vi.spyOn(store.events, 'append').mockImplementation(async (...args) => {
    seen.attempts += 1;
    const outcome = fate();
    if (outcome === 'refused') throw new StoreUnavailable();
    const last = await append(...args);
    if (outcome === 'made and lost') throw new StoreUnavailable();
    return last;
  });
  return seen;
}

describe('a change', () => {
  it('is told on every instance, in order, from the moment of listening on', async () => {
    await publish(a, TOOLS);
    const [here, there] = [await listen(a), await listen(b)];
    await publish(a, PROMPTS);
    await publish(b, resource('1'));
    await publish(a, PROMPTS);
    for (const { told } of [here, there]) expect(told).toEqual([PROMPTS, resource('1'), PROMPTS]);
    expect([...a.errors, ...b.errors]).toEqual([]);
  });

  // Catches: a publish that is acknowledged before the store has it, and one that gives up.
  it('is acknowledged once it is in the log, however long an outage lasts', async () => {
    let fate: 'made' | 'refused' = 'refused';
    failing(a, () => fate);
    const { told } = await listen(b);
    let isDone = false;
    const published = a.changes.publish(TOOLS).then(() => {
      isDone = true;
    });
    await lab.pass(600_000);
    expect([isDone, told]).toEqual([false, []]);
    fate = 'made';
    await lab.pass(2_000);
    await published;
    expect(told).toEqual([TOOLS]);
  });

  // Catches: a change that listeners are told of as often as its append was repeated.
  it('is told once where its append was made and seemed to have failed', async () => {
    const fates = ['made and lost', 'made and lost', 'made'] as const;
    let attempt = 0;
    failing(a, () => fates[attempt++] ?? 'made');
    const { told } = await listen(b);
    const published = a.changes.publish(TOOLS);
    await lab.pass(1_000);
    await published;
    await publish(a, PROMPTS);
    expect(told).toEqual([TOOLS, PROMPTS]);
  });

  // Catches: memory and appends that grow with how often the same is published during an outage.
  it('that says the same as one that waits is written with it', async () => {
    let fate: 'made' | 'refused' = 'refused';
    failing(a, () => fate);
    const { told } = await listen(b);
    const published = times(5_000, (index) => a.changes.publish([TOOLS, PROMPTS][index % 2] ?? TOOLS));
    await lab.pass(1_000);
    fate = 'made';
    await lab.pass(2_000);
    await Promise.all(published);
    // The first was on its way already.
    expect(told).toEqual([TOOLS, PROMPTS, TOOLS]);
  });

  // Catches: a change that is taken to be written with one that others may have read before it came about.
  it('is not taken for one that is being written', async () => {
    const store = gate();
    const append = a.store.events.append.bind(a.store.events);
    vi.spyOn(a.store.events, 'append').mockImplementation(async (...args) => {
      const last = await append(...args);
      await store.passed;
      return last;
    });
    const { told } = await listen(b);
    const first = a.changes.publish(TOOLS);
    await lab.pass();
    const second = a.changes.publish(TOOLS);
    store.open();
    await Promise.all([first, second]);
    await lab.pass();
    expect(told).toEqual([TOOLS, TOOLS]);
  });

  it('is refused where too many different ones wait', async () => {
    let fate: 'made' | 'refused' = 'refused';
    failing(a, () => fate);
    const published = times(1_002, (index) => a.changes.publish(resource(index)));
    const settled = outcomes(published);
    await lab.pass();
    fate = 'made';
    await lab.pass(1_000);
    const { values, errors } = await settled;
    // One was on its way already.
    expect([values.length, errors]).toEqual([
      1_001,
      [expect.objectContaining({ code: 'limit_exceeded', isPassing: true })],
    ]);
  });

  it.each([
    ['empty', '', /^uri: must not be empty$/],
    ['too long', 'x'.repeat(2_049), /^uri: has 2049 characters, at most 2048 are allowed/],
  ])('of a resource whose URI is %s is refused', async (_, uri, message) => {
    const publishing = a.changes.publish({ kind: 'resource_updated', uri });
    await expect(publishing).rejects.toThrow(InvalidArgument);
    await expect(publishing).rejects.toThrow(message);
    await a.changes.publish({ kind: 'resource_updated', uri: 'x'.repeat(2_048) });
  });

  // Catches: an older instance that stops listening at a kind of change that only newer ones know.
  it('of a kind that is not known is passed over', async () => {
    const { told } = await listen(b);
    await publish(a, { kind: 'weather_changed' } as never);
    await publish(a, TOOLS);
    expect(told).toEqual([TOOLS]);
  });

  // Catches: a stop that forgets what waits, or that waits for the store for ever.
  it('that waits is written by a flush, and refused by a close', async () => {
    let fate: 'made' | 'refused' = 'refused';
    failing(a, () => fate);
    const [one, other] = [a.changes.publish(TOOLS), a.changes.publish(PROMPTS)];
    fate = 'made';
    const flushed = a.changes.flush();
    await lab.pass(1_000);
    await flushed;
    await Promise.all([one, other]);
    fate = 'refused';
    const late = outcomes([a.changes.publish(TOOLS)]);
    a.changes.close();
    await lab.pass(60_000);
    expect((await late).errors).toEqual([expect.any(StoreUnavailable)]);
    await expect(a.changes.publish(TOOLS)).rejects.toThrow(StoreUnavailable);
  });
});

describe('a listener', () => {
  /** How many watch the log of changes now. */
  function watching({ store }: Instance): () => number {
    let watchers = 0;
    const watch = store.signals.watch.bind(store.signals);
    vi.spyOn(store.signals, 'watch').mockImplementation((topic, onSignal) => {
      const unwatch = watch(topic, onSignal);
      if (topic.stream !== CHANGES_STREAM) return unwatch;
      watchers += 1;
      return () => {
        watchers -= 1;
        unwatch();
      };
    });
    return () => watchers;
  }

  // Catches: a reader for each listener, or one that is left over: on DynamoDB each polls the store for ever.
  it('shares one reader of the log with all others, which ends with the last', async () => {
    const watchers = watching(a);
    await publish(a, TOOLS);
    expect(watchers()).toBe(0);
    const listeners = [await listen(a), await listen(a), await listen(a)];
    expect(watchers()).toBe(1);
    listeners[0]?.end();
    listeners[0]?.end();
    await publish(b, PROMPTS);
    expect(listeners.map(({ told }) => told)).toEqual([[], [PROMPTS], [PROMPTS]]);
    for (const { end } of listeners) end();
    expect(watchers()).toBe(0);
    const { told } = await listen(a);
    await publish(b, TOOLS);
    expect([watchers(), told]).toEqual([1, [TOOLS]]);
  });

  // Catches: a reader that begins, after all, for somebody who has left while it was on its way.
  it('that ends before it is ready, or comes after the close, leaves nothing behind', async () => {
    const watchers = watching(a);
    a.changes.subscribe(() => {}).end();
    await lab.pass(60_000);
    expect(watchers()).toBe(0);
    await listen(a);
    expect(watchers()).toBe(1);
    a.changes.close();
    await expect(a.changes.subscribe(() => {}).ready).rejects.toThrow(StoreUnavailable);
    await lab.pass(60_000);
    expect(watchers()).toBe(0);
  });

  it('knows after which change it is told of every one', async () => {
    await publish(a, TOOLS, PROMPTS);
    const first = a.changes.subscribe(() => {});
    expect(await first.ready).toBe(2);
    await publish(b, TOOLS);
    expect(await a.changes.subscribe(() => {}).ready).toBe(3);
    expect(await first.ready).toBe(2);
  });

  // Catches: a stop of the reader, for whatever reason, after which nobody is told of anything any more; and one
  // that begins anew at the newest change.
  it('is told of all, once, also where the reader ended for a reason that nobody foresaw', async () => {
    const { told } = await listen(b);
    await publish(a, TOOLS);
    vi.spyOn(b.store.events, 'read').mockRejectedValueOnce(new Error('out of tune'));
    await publish(a, PROMPTS);
    await publish(a, resource(1));
    expect(told).toEqual([TOOLS]);
    await lab.pass(1_000);
    await publish(a, resource(2));
    expect(told).toEqual([TOOLS, PROMPTS, resource(1), resource(2)]);
    expect(b.errors).toEqual([new Error('out of tune')]);
  });

  // Catches: a part of the changes that is told as if it were all.
  it('is told that it missed some where they are no longer kept', async () => {
    const { told } = await listen(b);
    const blind = vi.spyOn(b.store.events, 'read').mockRejectedValue(new StoreUnavailable());
    for (let index = 0; index < 1_100; index += 1) await a.changes.publish(resource(index));
    await lab.pass();
    blind.mockRestore();
    await lab.pass(1_000);
    expect(told).toEqual(['missed', ...times(1_000, (index) => resource(index + 100))]);
  });

  it('is told that it missed some where the tables were made anew', async () => {
    const { told } = await listen(b);
    await publish(a, TOOLS, PROMPTS);
    lab.shared.data.remove('shared' as SessionRef);
    await lab.pass(1_000);
    await publish(a, resource(1));
    expect(told).toEqual([TOOLS, PROMPTS, 'missed', resource(1)]);
  });

  // Catches: a listener that waits, beyond the end of a log that was set back, until it is as long again.
  it('is told that it missed some where the log was set back, and of all that comes', async () => {
    const { told } = await listen(a);
    await publish(a, TOOLS, PROMPTS, resource(1));
    setBack(lab, { session: { ref: 'shared' as SessionRef }, stream: CHANGES_STREAM }, 1);
    await publish(a, resource(2), resource(3));
    expect(told).toEqual([TOOLS, PROMPTS, resource(1), 'missed', resource(2), resource(3)]);
    expect(await a.changes.subscribe(() => {}).ready).toBe(3);
  });

  // Catches: a client that is told that it is listened for while nobody listens, and a listener that never begins.
  it('is not ready during an outage, and told that it missed some once it is over', async () => {
    await publish(a, TOOLS);
    const down = vi.spyOn(b.store.events, 'lastSequence').mockRejectedValue(new StoreUnavailable());
    const told: unknown[] = [];
    await expect(b.changes.subscribe((step) => told.push(saidBy(step))).ready).rejects.toThrow(
      StoreUnavailable,
    );
    await lab.pass(5_000);
    await publish(a, PROMPTS);
    down.mockRestore();
    await lab.pass(1_000);
    await publish(a, resource(1));
    expect(told).toEqual(['missed', resource(1)]);
    expect((await listen(b)).told).toEqual([]);
  });
});

describe('the changes between two', () => {
  const between = async (after: number, upTo: number) =>
    (await b.changes.between(after, upTo)).map((step) => [step.sequence, saidBy(step)]);

  // Catches: a change beyond the last that is told of twice, and pages that are taken for all there is.
  it('are told in order, of those that say the same the last one', async () => {
    await publish(a, TOOLS, PROMPTS, TOOLS, resource(1), PROMPTS);
    expect(await between(0, 4)).toEqual([
      [2, PROMPTS],
      [3, TOOLS],
      [4, resource(1)],
    ]);
    expect(await between(2, 3)).toEqual([[3, TOOLS]]);
    expect(await between(3, 3)).toEqual([]);
    for (let index = 0; index < 600; index += 1) await a.changes.publish(resource(index));
    expect(await between(5, 605)).toEqual(times(600, (index) => [index + 6, resource(index)]));
  });

  it('are told as missed where they are no longer kept, or too many', async () => {
    for (let index = 0; index < 1_100; index += 1) await a.changes.publish(resource(index % 7));
    expect((await between(50, 1_100)).slice(0, 2)).toEqual([
      [100, 'missed'],
      [1_094, resource(1_093 % 7)],
    ]);
    expect(await between(50, 60)).toEqual([[60, 'missed']]);
    const log: EventLog = a.store.events;
    const record = (index: number) => said('', { message: JSON.stringify(resource(index)) });
    const data = times(MOST_PENDING + 1, (index) => encodeRecord(record(index), 'shared'));
    const session = { ref: 'shared' as SessionRef, expiresAt: 9e14, endsAt: 9e14 };
    await log.append(
      session,
      { stream: CHANGES_STREAM, data, expiresAt: 9e14, keep: 5_000 },
      lab.clock.now(),
    );
    expect(await between(1_100, 1_100 + MOST_PENDING + 1)).toEqual([[1_100 + MOST_PENDING + 1, 'missed']]);
  });
});
