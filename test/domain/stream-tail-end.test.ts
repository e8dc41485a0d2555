import { beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import type { Streams } from '../../src/domain/streams.ts';
import { times } from '../contract/fixtures.ts';
import {
  gate,
  type LabInstance,
  type StreamLab,
  said,
  streamLab,
  TailReader,
} from '../support/stream-lab.ts';

let lab: StreamLab;
let a: LabInstance;
let b: LabInstance;

beforeEach(async () => {
  lab = await streamLab();
  [a, b] = [lab.instance(), lab.instance()];
});

/** Takes the call's stream over, as a client's new connection does. */
async function open({ streams }: LabInstance, sequence = 0): Promise<TailReader> {
  const openedAt = await mark(streams);
  return new TailReader(streams.follow(lab.call, { sequence, openedAt }));
}

function mark(streams: Streams, toNobody = false): Promise<number> {
  return streams.append(lab.call, [{ kind: 'open', toNobody }]);
}

async function say({ streams }: LabInstance, ...texts: (string | number)[]): Promise<void> {
  for (const text of texts) await streams.append(lab.call, [said(text)]);
  await lab.pass();
}

describe('a stream that another connection opens', () => {
  it.each([
    ['on another instance', () => b],
    ['on the same instance', () => a],
  ])('ends for the one before, %s', async (_, other) => {
    await say(a, 1);
    const first = await open(a);
    await say(a, 2);
    const second = await open(other(), 3);
    await lab.pass();
    await say(a, 3);
    expect(first.heard).toEqual([1, 'opened', 2]);
    expect(first.tail.outcome).toBe('superseded');
    expect(second.heard).toEqual(['opened', 3]);
    expect(second.tail.outcome).toBeUndefined();
  });

  // Catches: a resumed connection that takes its own predecessors for its successors.
  it('is not ended by the connections before it, however many', async () => {
    for (const connection of ['1', '2', '3']) {
      await mark(a.streams);
      await say(a, `in ${connection}`);
    }
    const reader = await open(b);
    await say(a, 'in 4');
    expect(reader.heard).toEqual(['in 1', 'in 2', 'in 3', 'opened', 'in 4']);
    expect(reader.tail.outcome).toBeUndefined();
  });

  it('ends for the one before also if that reads it only later', async () => {
    const slow = a.streams.follow(lab.call, { sequence: 0, openedAt: await mark(a.streams) });
    await say(a, 1);
    const newer = await open(b, 2);
    await say(a, 2);
    const reader = new TailReader(slow);
    await reader.done;
    expect(reader.heard).toEqual(['opened', 1]);
    expect(slow.outcome).toBe('superseded');
    expect(newer.heard).toEqual(['opened', 2]);
  });

  it('for nobody tells its connection to come back', async () => {
    const reader = await open(a);
    await mark(b.streams, true);
    await reader.done;
    expect(reader.tail.outcome).toBe('stopped');
  });

  it('ends for a reader that has no mark of its own, as the answer to a POST', async () => {
    const reader = new TailReader(a.streams.follow(lab.call, { sequence: 0, isNewest: true }));
    await say(a, 1);
    await open(b, 1);
    await say(a, 2);
    expect(reader.heard).toEqual([1]);
    expect(reader.tail.outcome).toBe('superseded');
  });

  // A slow connection takes what is appended, so no signal is sent, and the newer one is not told to look again.
  it('reaches the newer one also while the one before on the same instance reads nothing', async () => {
    const stuck = a.streams.follow(lab.call, { sequence: 0, isNewest: true });
    await a.streams.append(lab.call, [{ kind: 'begin', requests: [1] }]);
    const read = gate();
    const original = a.store.events.read.bind(a.store.events);
    vi.spyOn(a.store.events, 'read').mockImplementationOnce(async (...args) => {
      const page = await original(...args);
      await read.passed;
      return page;
    });
    const newer = await open(a, 1);
    await lab.pass();
    await a.streams.append(lab.call, [said('result')], true);
    read.open();
    await lab.pass();
    stuck.close();
    expect(newer.heard).toEqual(['opened', 'result']);
  });

  // Catches: a reader that has to meet its own mark, which is among what was trimmed, to know what is later.
  it('ends for the one before also if that had fallen behind what is kept', async () => {
    const trimming = lab.instance({ keep: 10 });
    const slow = trimming.streams.follow(lab.call, { sequence: 0, openedAt: await mark(trimming.streams) });
    await say(trimming, ...times(50, (index) => index));
    const reader = new TailReader(slow);
    await lab.pass();
    await open(b, 51);
    await lab.pass();
    expect(reader.tail.outcome).toBe('superseded');
  });
});

describe('a tail of a session that is gone', () => {
  it('ends when it is told of it', async () => {
    const reader = await open(b);
    await say(a, 1);
    await a.store.sessions.delete(lab.session.ref, lab.clock.now());
    await a.store.signals.publish({ ref: lab.session.ref });
    await reader.done;
    expect(reader.tail.outcome).toBe('session_gone');
    expect(reader.heard).toEqual(['opened', 1]);
  });

  it('ends without it when it looks', async () => {
    await a.store.sessions.delete(lab.session.ref, lab.clock.now());
    const reader = new TailReader(a.streams.follow(lab.call, { sequence: 0 }));
    await reader.done;
    expect(reader.tail.outcome).toBe('session_gone');
  });
});

describe('while the store is unavailable', () => {
  it('a tail waits, and gives everything once after it', async () => {
    const reader = await open(b);
    await say(a, 1);
    const read = vi.spyOn(b.store.events, 'read').mockRejectedValue(new StoreUnavailable());
    await say(a, 2, 3);
    await lab.pass(10_000);
    expect(b.errors.length).toBeGreaterThan(2);
    // An outage is no time to ask as often as one can.
    expect(b.errors.length).toBeLessThan(20);
    expect(reader.heard).toEqual(['opened', 1]);
    read.mockRestore();
    await lab.pass(1_000);
    await say(a, 4);
    expect(reader.heard).toEqual(['opened', 1, 2, 3, 4]);
  });

  it('a tail can be closed', async () => {
    vi.spyOn(b.store.events, 'read').mockRejectedValue(new StoreUnavailable());
    const reader = new TailReader(b.streams.follow(lab.call, { sequence: 0 }));
    await lab.pass();
    reader.tail.close();
    await lab.pass(1_000);
    await reader.done;
    expect(reader.tail.outcome).toBe('stopped');
  });

  it('a failure that is no outage ends the tail and is told', async () => {
    vi.spyOn(b.store.events, 'read').mockRejectedValue(new Error('a bug'));
    const reader = new TailReader(b.streams.follow(lab.call, { sequence: 0 }));
    await reader.done;
    expect(reader.tail.outcome).toBe('stopped');
    expect(b.errors).toEqual([new Error('a bug')]);
  });
});

describe('a tail that is ended from here', () => {
  it('with stop() gives what it has in hand, and nothing that comes later', async () => {
    const tail = a.streams.follow(lab.call, { sequence: 0, isNewest: true });
    await say(a, 1, 2);
    tail.stop();
    await say(a, 3);
    const reader = new TailReader(tail);
    await reader.done;
    expect(reader.heard).toEqual([1, 2]);
    expect(tail.outcome).toBe('stopped');
    const resumed = new TailReader(b.streams.follow(lab.call, { sequence: 2 }));
    await lab.pass();
    expect(resumed.heard).toEqual([3]);
  });

  it('with close() gives nothing more', async () => {
    const tail = a.streams.follow(lab.call, { sequence: 0, isNewest: true });
    await say(a, 1, 2);
    tail.close();
    expect(await tail.next()).toBeUndefined();
    expect(tail.outcome).toBe('stopped');
  });

  it.each(['stop', 'close'] as const)('with %s() no longer sleeps', async (how) => {
    const reader = await open(a);
    await lab.pass();
    reader.tail[how]();
    await reader.done;
    expect(reader.tail.outcome).toBe('stopped');
  });

  // Catches: watchers that pile up with each connection of a long session.
  it.each([
    ['stopped', (reader: TailReader) => reader.tail.stop()],
    ['closed', (reader: TailReader) => reader.tail.close()],
    ['superseded', () => open(b)],
    ['ended', () => b.streams.append(lab.call, [said('end')], true)],
  ])('or was %s watches nothing any more', async (_, end) => {
    let watching = 0;
    const watch = a.store.signals.watch.bind(a.store.signals);
    const { watch: original } = a.store.signals;
    a.store.signals.watch = (...args) => {
      watching += 1;
      const release = watch(...args);
      return () => {
        watching -= 1;
        release();
      };
    };
    const readers = [];
    for (const _ of times(3, () => {})) readers.push(await open(a));
    await lab.pass();
    expect(watching).toBe(2);
    a.store.signals.watch = original;
    await end(readers[2] as TailReader);
    await Promise.all(readers.map(({ done }) => done));
    expect(watching).toBe(0);
  });
});
