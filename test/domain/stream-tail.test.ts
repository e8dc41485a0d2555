import { beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import { MOST_HELD } from '../../src/domain/held-records.ts';
import type { EventPage } from '../../src/ports/event-log.ts';
import { times } from '../contract/fixtures.ts';
import {
  gate,
  type LabInstance,
  type StreamLab,
  said,
  streamLab,
  TailReader,
} from '../support/stream-lab.ts';

const KILOBYTES_100 = 100 * 1024;

let lab: StreamLab;
let a: LabInstance;
let b: LabInstance;

beforeEach(async () => {
  lab = await streamLab();
  [a, b] = [lab.instance(), lab.instance()];
});

/** Follows the call's stream from its beginning. */
function follow({ streams }: LabInstance, sequence = 0): TailReader {
  return new TailReader(streams.follow(lab.call, { sequence }));
}

async function say({ streams }: LabInstance, ...texts: (string | number)[]): Promise<void> {
  for (const text of texts) await streams.append(lab.call, [said(text)]);
  await lab.pass();
}

describe('a tail', () => {
  it.each([
    ['here', () => a],
    ['on another instance', () => b],
  ])('gives what was said before and after, in order and once, %s', async (_, where) => {
    await say(a, 1, 2);
    const reader = follow(where());
    await say(a, 3);
    await say(b, 4);
    await a.streams.append(lab.call, [said(5), said(6)], true);
    await reader.done;
    expect(reader.heard).toEqual([1, 2, 3, 4, 5, 6]);
    expect(reader.steps).toMatchObject(times(6, (index) => ({ sequence: index + 1, end: index === 5 })));
    expect(reader.tail.outcome).toBe('ended');
  });

  it('begins after what the reader has', async () => {
    await say(a, ...times(200, (index) => index + 1));
    const reader = follow(b, 150);
    await lab.pass();
    expect(reader.heard).toEqual(times(50, (index) => index + 151));
  });

  // Catches: a page that is taken for all there is.
  it('gives several pages', async () => {
    await say(a, ...times(300, (index) => index));
    const reader = follow(b);
    await lab.pass();
    expect(reader.heard).toEqual(times(300, (index) => index));
  });

  // Catches: a look at the log for what this instance has just written itself.
  it('is handed what is appended here, without a read and without a signal', async () => {
    const reader = new TailReader(a.streams.follow(lab.call, { sequence: 0, isNewest: true }));
    const [read, publish] = [vi.spyOn(a.store.events, 'read'), vi.spyOn(a.store.signals, 'publish')];
    await say(a, 1, 2, 3);
    expect(reader.heard).toEqual([1, 2, 3]);
    expect(read).not.toHaveBeenCalled();
    expect(publish).not.toHaveBeenCalled();
  });

  it('that is handed something after a foreign append reads it in its place', async () => {
    const reader = new TailReader(a.streams.follow(lab.call, { sequence: 0, isNewest: true }));
    const deaf = lab.instance({ deaf: true });
    await say(a, 1);
    await say(deaf, 2);
    await say(a, 3);
    expect(reader.heard).toEqual([1, 2, 3]);
  });

  // Catches: an append during a read that wakes nobody, and one that is both read and handed over.
  it.each([
    ['has not', true],
    ['has', false],
  ])('gives once what is appended while it reads, where the page %s got it', async (_, isEarly) => {
    await say(a, 1);
    const read = gate();
    const original = a.store.events.read.bind(a.store.events);
    vi.spyOn(a.store.events, 'read').mockImplementationOnce(async (...args) => {
      const early = await original(...args);
      await read.passed;
      return isEarly ? early : original(...args);
    });
    const reader = follow(a, 1);
    await lab.pass();
    await say(a, 2);
    read.open();
    await lab.pass();
    expect(reader.heard).toEqual([2]);
  });

  it('holds a bounded amount for a slow reader, who gets everything all the same', async () => {
    const tail = a.streams.follow(lab.call, { sequence: 0, isNewest: true });
    const offer = vi.spyOn(tail, 'offer');
    const texts = times(60, (index) => `${index} ${'x'.repeat(KILOBYTES_100)}`);
    await say(a, ...texts);
    const taken = offer.mock.results.filter(({ value }) => value === true).length;
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThanOrEqual(MOST_HELD / KILOBYTES_100);
    const read = vi.spyOn(a.store.events, 'read');
    const reader = new TailReader(tail);
    await lab.pass();
    expect(reader.heard).toEqual(texts);
    for (const { value } of read.mock.results) {
      const { events } = (await value) as EventPage;
      expect(events.length).toBeLessThanOrEqual(MOST_HELD / KILOBYTES_100);
    }
  });

  it('passes over signs of life, and tells where a call begins', async () => {
    await a.streams.append(lab.call, [{ kind: 'begin', requests: [1] }]);
    await a.streams.append(lab.call, [{ kind: 'alive', requests: [1] }, said('x')]);
    const reader = follow(b);
    await lab.pass();
    expect(reader.heard).toEqual(['begin', 'x']);
  });
});

describe('a message that was appended twice', () => {
  const numbered = (...numbers: number[]) => numbers.map((number) => said(number, { writer: 'w', number }));

  it('is given once', async () => {
    const reader = follow(b);
    await a.streams.append(lab.call, numbered(1, 2, 3));
    await a.streams.append(lab.call, numbered(1, 2, 3));
    await a.streams.append(lab.call, numbered(4));
    await lab.pass();
    expect(reader.heard).toEqual([1, 2, 3, 4]);
  });

  it('is another one of another writer, or of nobody', async () => {
    const reader = follow(b);
    await a.streams.append(lab.call, [
      said('v1', { writer: 'v', number: 1 }),
      said('w1', { writer: 'w', number: 1 }),
      said('same'),
      said('same'),
    ]);
    await lab.pass();
    expect(reader.heard).toEqual(['v1', 'w1', 'same', 'same']);
  });

  // Catches: knowing only what this reader itself has met.
  it.each([1, 2, 3, 4, 5, 6])('is given once to a client that resumes after event %i', async (sequence) => {
    await a.streams.append(lab.call, numbered(1, 2, 3));
    await a.streams.append(lab.call, numbered(1, 2, 3, 4));
    const before = follow(b);
    await lab.pass();
    const seen = before.steps.filter((step) => 'sequence' in step && step.sequence <= sequence);
    const resumed = follow(b, sequence);
    await lab.pass();
    expect([...before.heard.slice(0, seen.length), ...resumed.heard]).toEqual([1, 2, 3, 4]);
  });

  // The look further back is spent on the attempt that failed.
  it('is given once also where the first look of the resumption failed', async () => {
    await a.streams.append(lab.call, numbered(1, 2));
    await a.streams.append(lab.call, numbered(1, 2, 3));
    vi.spyOn(b.store.events, 'read').mockRejectedValueOnce(new StoreUnavailable());
    const resumed = follow(b, 2);
    await lab.pass(1_000);
    expect(resumed.heard).toEqual([3]);
  });
});

describe('what is no longer kept', () => {
  it('is told as a gap, with the requests that the stream answers', async () => {
    const trimming = lab.instance({ keep: 3 });
    const requests = [7, 'eight'];
    await trimming.streams.append(lab.call, [{ kind: 'begin', requests }]);
    for (const text of times(9, (index) => index + 2)) {
      await trimming.streams.append(lab.call, [said(text, { requests })]);
    }
    for (const [after, from] of [
      [0, 1],
      [1, 2],
      [6, 7],
    ] as const) {
      const reader = follow(b, after);
      await lab.pass();
      expect(reader.steps[0]).toEqual({ kind: 'gap', from, to: 7, requests });
      expect(reader.heard).toEqual(['gap', 8, 9, 10]);
    }
    const reader = follow(b, 7);
    await lab.pass();
    expect(reader.heard).toEqual([8, 9, 10]);
  });

  // Catches: a reader that looks back to know repetitions, and takes what is missing there for its own loss.
  it('is no gap where the reader has it', async () => {
    const trimming = lab.instance({ keep: 3 });
    await say(trimming, ...times(20, (index) => index + 1));
    for (const after of [17, 18, 19, 20]) {
      const reader = follow(b, after);
      await lab.pass();
      expect(reader.heard).toEqual(times(20 - after, (index) => after + 1 + index));
    }
  });

  it('is told to a slow reader in the midst of a stream', async () => {
    const trimming = lab.instance({ keep: 10 });
    const tail = trimming.streams.follow(lab.call, { sequence: 0, isNewest: true });
    const texts = times(50, (index) => `${index} ${'x'.repeat(KILOBYTES_100)}`);
    await say(trimming, ...texts);
    const reader = new TailReader(tail);
    await lab.pass();
    const gapAt = reader.heard.indexOf('gap');
    expect(gapAt).toBeGreaterThan(0);
    expect(reader.heard.slice(0, gapAt)).toEqual(texts.slice(0, gapAt));
    expect(reader.steps[gapAt]).toMatchObject({ from: gapAt + 1, to: 40 });
    expect(reader.heard.slice(gapAt + 1)).toEqual(texts.slice(40));
  });
});
