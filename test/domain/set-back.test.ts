import { beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import type { StreamHandle } from '../../src/domain/stream-handle.ts';
import { INBOUND_STREAM, STANDALONE_STREAM } from '../../src/domain/stream-name.ts';
import { StreamWriter } from '../../src/domain/stream-writer.ts';
import { times } from '../contract/fixtures.ts';
import {
  type LabInstance,
  type StreamLab,
  said,
  setBack,
  streamLab,
  TailReader,
} from '../support/stream-lab.ts';

let lab: StreamLab;
let a: LabInstance;
let b: LabInstance;
/** An instance that others hear nothing from. */
let mute: LabInstance;
let stream: StreamHandle;

beforeEach(async () => {
  lab = await streamLab();
  [a, b, mute] = [lab.instance(), lab.instance(), lab.instance({ deaf: true })];
  stream = lab.stream(STANDALONE_STREAM);
});

function writer({ streams }: LabInstance, to = stream): StreamWriter {
  return new StreamWriter(streams, to, () => false);
}

async function say(by: StreamWriter, ...texts: unknown[]): Promise<void> {
  for (const text of texts) await by.send([JSON.stringify(text)]);
  await lab.pass();
}

/** A reader on `instance` that has heard the numbers up to `count`, which are in the log. */
async function readerOf(instance: LabInstance, count: number): Promise<TailReader> {
  await say(writer(a), ...times(count, (index) => index + 1));
  const reader = new TailReader(instance.streams.follow(stream, { sequence: 0 }));
  await lab.pass();
  expect(reader.heard).toHaveLength(count);
  reader.steps.length = 0;
  return reader;
}

describe('a log that was set back', () => {
  // Catches: a reader that takes what is appended here for what it has, and one that is handed it as if nothing
  // had happened.
  it('is noticed with the next append on this instance', async () => {
    const reader = await readerOf(a, 5);
    setBack(lab, stream, 3);
    await say(writer(a), 'four', 'five', 'six');
    expect(reader.heard).toEqual(['set_back', 'four', 'five', 'six']);
    expect(reader.steps.map((step) => 'sequence' in step && step.sequence)).toEqual([3, 4, 5, 6]);
  });

  // Catches: a comparison of sequences alone, to which a log that has grown again is the same.
  it.each([4, 5, 7])('is noticed, in doubt, after it has grown to %i again', async (grownTo) => {
    const reader = await readerOf(b, 5);
    setBack(lab, stream, 3);
    const said = times(grownTo - 3, (index) => `new ${index + 4}`);
    await say(writer(mute), ...said);
    expect(reader.heard).toEqual([]);
    reader.tail.look(true);
    await lab.pass();
    expect(reader.heard).toEqual(['set_back', ...said]);
    await say(writer(mute), 'on');
    reader.tail.look();
    await lab.pass();
    expect(reader.heard).toEqual(['set_back', ...said, 'on']);
  });

  it('is noticed, in doubt, where nothing has been said since, or nothing is left', async () => {
    for (const kept of [3, 0]) {
      const reader = await readerOf(b, 5);
      setBack(lab, stream, kept);
      reader.tail.look(true);
      await lab.pass();
      expect(reader.steps).toEqual([{ kind: 'set_back', sequence: kept }]);
      await say(writer(a), 'on');
      expect(reader.heard).toEqual(['set_back', 'on']);
      reader.tail.close();
      setBack(lab, stream, 0);
    }
  });

  // Catches: a reader that waits beyond the end of a log that lost more than the reader remembers.
  it.each([
    ['and is shorter than what the reader knows again', 7, 7, []],
    ['and is as long again', 15, 12, ['new 13', 'new 14', 'new 15']],
  ])('is told of where much was lost, %s', async (_, grownTo, from, heard) => {
    const reader = await readerOf(b, 20);
    setBack(lab, stream, 5);
    await say(writer(mute), ...times(grownTo - 5, (index) => `new ${index + 6}`));
    reader.tail.look(true);
    await lab.pass();
    expect(reader.steps[0]).toEqual({ kind: 'set_back', sequence: from });
    await say(writer(a), 'on');
    expect(reader.heard.slice(1)).toEqual([...heard, 'on']);
  });

  // Catches: what is appended between the page and the question how long the log is, and is taken for read.
  it.each([1, 2, 3])('loses nothing where it grows by %i while it is compared', async (count) => {
    const reader = await readerOf(b, 5);
    setBack(lab, stream, 3);
    const said = times(count, (index) => `new ${index + 4}`);
    const last = b.store.events.lastSequence.bind(b.store.events);
    vi.spyOn(b.store.events, 'lastSequence').mockImplementationOnce(async (...args) => {
      for (const text of said) await writer(mute).send([JSON.stringify(text)]);
      return last(...args);
    });
    reader.tail.look(true);
    await lab.pass();
    reader.tail.look();
    await lab.pass();
    expect(reader.heard).toEqual(['set_back', ...said]);
  });

  // Catches: a reader that goes on, after an outage, as if it were the same store.
  it('is noticed by the first look after an outage', async () => {
    const reader = await readerOf(b, 5);
    vi.spyOn(b.store.events, 'read').mockRejectedValueOnce(new StoreUnavailable());
    reader.tail.look();
    await lab.pass();
    setBack(lab, stream, 3);
    await say(writer(mute), 'four', 'five');
    await lab.pass(1_000);
    expect(reader.heard).toEqual(['set_back', 'four', 'five']);
  });

  // Catches: a message that stays lost to a reader that is beyond it, and one that it is then given a second time.
  it('gives what was passed over before anybody knew', async () => {
    const reader = await readerOf(b, 5);
    setBack(lab, stream, 4);
    await say(writer(mute), 'five');
    await say(writer(a), 'six');
    expect(reader.heard).toEqual(['six']);
    reader.tail.look(true);
    await say(writer(a), 'seven');
    expect(reader.heard).toEqual(['six', 'set_back', 'five', 'seven']);
  });

  // Catches: a message that is given twice, because the answer to its append was lost together with the append.
  it('is not given again what its writer repeats', async () => {
    const reader = await readerOf(b, 3);
    const append = a.store.events.append.bind(a.store.events);
    vi.spyOn(a.store.events, 'append').mockImplementationOnce(async (...args) => {
      await append(...args);
      await a.store.signals.publish({ ref: stream.session.ref, stream: stream.stream });
      await lab.pass();
      setBack(lab, stream, 3);
      await mute.streams.append(stream, [said('other')]);
      throw new StoreUnavailable();
    });
    const by = writer(a);
    const sent = by.send(['"once"']);
    let isSent = false;
    void sent.then(() => {
      isSent = true;
    });
    while (!isSent) await lab.pass(100);
    reader.tail.look(true);
    await say(by, 'next');
    expect(reader.heard).toEqual(['once', 'set_back', 'other', 'next']);
  });

  // Catches: messages whose numbers are places in a log that was set back too, and are taken for repeated ones.
  it('gives what has a number that was given before', async () => {
    const numbered = (text: string, number: number) =>
      said(text, { writer: 'changes', number, at: text.length });
    await a.streams.append(stream, [numbered('1', 1)]);
    await a.streams.append(stream, [numbered('other', 2)]);
    const reader = new TailReader(b.streams.follow(stream, { sequence: 0 }));
    await lab.pass();
    setBack(lab, stream, 1);
    await mute.streams.append(stream, [numbered('another', 2)]);
    reader.tail.look(true);
    await lab.pass();
    expect(reader.heard).toEqual(['1', 'other', 'set_back', 'another']);
  });

  // Catches: two connections that both take a stream for theirs, and one that takes another's mark for its own.
  it.each([2, 3, 4])('is taken over by a connection whose mark is at most at %i', async (kept) => {
    await say(writer(a), 1, 2, 3);
    const open = (at: number) => a.streams.append(stream, [{ kind: 'open', toNobody: false, at }]);
    const openedAt = await open(1);
    const reader = new TailReader(b.streams.follow(stream, { sequence: openedAt - 1, openedAt }));
    await say(writer(a), 5);
    expect(reader.heard).toEqual(['opened', 5]);
    setBack(lab, stream, kept);
    await open(2);
    reader.tail.look(true);
    await reader.done;
    expect(reader.heard).toEqual(['opened', 5, 'set_back']);
    expect(reader.tail.outcome).toBe('superseded');
  });
});

describe('a call whose stream was set back', () => {
  // Catches: a call that is given up although all of its messages are there.
  it('goes on where none of its messages is missing', async () => {
    const by = writer(a, lab.call);
    const reader = new TailReader(a.streams.follow(lab.call, { sequence: 0, isNewest: true }));
    await say(by, 1, 2, 3);
    setBack(lab, lab.call, 1);
    await say(by, 4, 5);
    expect(reader.heard).toEqual([1, 2, 3, 'set_back', 4, 5]);
  });

  // Catches: a message that was stored, is lost, and is never spoken of.
  it('has a gap where one is missing that the reader did not have', async () => {
    const by = writer(mute, lab.call);
    await say(by, 1, 2);
    const reader = new TailReader(b.streams.follow(lab.call, { sequence: 0 }));
    await say(by, 3);
    setBack(lab, lab.call, 1);
    await by.send(['4'], { requests: [7] });
    reader.tail.look(true);
    await lab.pass();
    expect(reader.steps.slice(2)).toEqual([
      { kind: 'set_back', sequence: 1 },
      { kind: 'gap', from: 2, to: 2, requests: [7] },
    ]);
  });
});

describe('a log that was not set back', () => {
  // Catches: an old replica's answer, or a connection made anew, that is taken for a loss; and what a look in doubt
  // sees a second time.
  it.each([0, 1, 5, 30])('is read once, and told no different, in doubt after %i messages', async (count) => {
    const reader = await readerOf(b, count);
    for (const text of ['next', 'last']) {
      const read = vi.spyOn(b.store.events, 'read');
      await say(writer(mute), text);
      reader.tail.look(true);
      await lab.pass();
      expect(read).toHaveBeenCalledTimes(1);
      read.mockRestore();
    }
    expect(reader.heard).toEqual(['next', 'last']);
  });

  // Catches: a page that ends before what is just being trimmed, and is taken for all there is.
  it('is read on, in doubt, where a page ends early', async () => {
    const reader = await readerOf(b, 5);
    await say(writer(mute), 'six');
    const read = b.store.events.read.bind(b.store.events);
    vi.spyOn(b.store.events, 'read').mockImplementationOnce(async (...args) => {
      const page = await read(...args);
      return { ...page, events: page.events.slice(0, 2) };
    });
    reader.tail.look(true);
    await lab.pass();
    expect(reader.heard).toEqual(['six']);
  });

  // Catches: what is no longer kept that is taken for lost.
  it('but trimmed has a gap, in doubt too', async () => {
    const reader = await readerOf(b, 5);
    const trimming = lab.instance({ keep: 3, deaf: true });
    await say(writer(trimming), ...times(20, (index) => index));
    reader.tail.look(true);
    await lab.pass();
    expect(reader.steps[0]).toEqual({ kind: 'gap', from: 6, to: 22, requests: [] });
    expect(reader.heard).toEqual(['gap', 17, 18, 19]);
    reader.tail.look(true);
    await lab.pass();
    expect(reader.heard).toHaveLength(4);
  });

  // Catches: a look too many for each message, and a stream that is no longer handed what is appended here.
  it('costs no look where messages are handed over, of whatever stream', async () => {
    for (const name of [STANDALONE_STREAM, INBOUND_STREAM]) {
      const reader = new TailReader(a.streams.follow(lab.stream(name), { sequence: 0, isNewest: true }));
      const read = vi.spyOn(a.store.events, 'read');
      await say(writer(a, lab.stream(name)), ...times(20, (index) => index));
      expect(reader.heard).toHaveLength(20);
      // A signal calls whoever is on the inbound stream once more.
      expect(read.mock.calls.filter(([, { stream: of }]) => of === STANDALONE_STREAM)).toEqual([]);
      read.mockRestore();
    }
  });
});
