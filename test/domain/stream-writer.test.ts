import { beforeEach, describe, expect, it, vi } from 'vitest';
import { LimitExceeded, SessionNotFound, StoreUnavailable, StreamEnded } from '../../src/domain/errors.ts';
import { StreamWriter } from '../../src/domain/stream-writer.ts';
import { outcomes, times } from '../contract/fixtures.ts';
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
let writer: StreamWriter;
let isOver: boolean;

beforeEach(async () => {
  lab = await streamLab();
  a = lab.instance();
  isOver = false;
  writer = new StreamWriter(a.streams, lab.call, () => isOver);
});

/** What is in the log now, repetitions left out. */
async function logged(): Promise<TailReader> {
  const reader = new TailReader(lab.instance().streams.follow(lab.call, { sequence: 0 }));
  await lab.pass();
  reader.tail.close();
  return reader;
}

/** Lets the log answer from now on only when told to. */
function busy(): { readonly sizes: number[]; answer(): void } {
  const store = gate();
  const sizes: number[] = [];
  const append = a.store.events.append.bind(a.store.events);
  vi.spyOn(a.store.events, 'append').mockImplementation(async (...args) => {
    sizes.push(args[1].data.length);
    await store.passed;
    return append(...args);
  });
  return { sizes, answer: store.open };
}

const send = (text: string | number, end = false) => writer.send([JSON.stringify(text)], { end });

describe('a writer', () => {
  it('appends in the order in which it was called, whoever waits', async () => {
    await Promise.all(times(300, (index) => send(index)));
    expect((await logged()).heard).toEqual(times(300, (index) => index));
  });

  it('resolves when the message is in the log, and not before', async () => {
    const store = busy();
    let sent = false;
    const sending = send('x').then(() => {
      sent = true;
    });
    await lab.pass(60_000);
    expect(sent).toBe(false);
    store.answer();
    await sending;
    expect((await logged()).heard).toEqual(['x']);
  });

  // Catches: one round trip for each of a hundred messages.
  it('appends together what came while the store was busy', async () => {
    const store = busy();
    const sent = times(101, (index) => send(index));
    await lab.pass();
    store.answer();
    await Promise.all(sent);
    expect(store.sizes).toEqual([1, 64, 36]);
    expect((await logged()).heard).toEqual(times(101, (index) => index));
  });

  it('names the requests that the stream answers, and ends it with the last message', async () => {
    await writer.send(['1', '2'], { requests: [7], end: true });
    const { steps } = await logged();
    expect(steps).toMatchObject([
      { end: false, message: { requests: [7] } },
      { end: true, message: { requests: [7] } },
    ]);
    await expect(send(3)).rejects.toThrow(StreamEnded);
  });
});

describe('an outage of the store', () => {
  it('delays messages, is told, and is not asked about too often', async () => {
    const append = vi.spyOn(a.store.events, 'append').mockRejectedValue(new StoreUnavailable());
    const sent = [send(1), send(2)];
    await lab.pass(60_000);
    expect(a.errors.length).toBeGreaterThan(10);
    expect(a.errors.length).toBeLessThan(60);
    sent.push(send(3));
    append.mockRestore();
    await lab.pass(2_000);
    await Promise.all(sent);
    expect((await logged()).heard).toEqual([1, 2, 3]);
  });

  // Catches: a repetition that readers take for another message.
  it('that hid the answer to an append gives no message twice', async () => {
    const append = a.store.events.append.bind(a.store.events);
    vi.spyOn(a.store.events, 'append').mockImplementationOnce(async (...args) => {
      await append(...args);
      throw new StoreUnavailable();
    });
    const sent = [send(1), send(2)];
    await lab.pass(100);
    await Promise.all(sent);
    const { heard } = await logged();
    expect(await a.streams.lastSequence(lab.call)).toBe(3);
    expect(heard).toEqual([1, 2]);
  });

  // Catches: an end that is repeated for ever.
  it('that hid the answer to the append of the end leaves one end', async () => {
    const append = a.store.events.append.bind(a.store.events);
    vi.spyOn(a.store.events, 'append').mockImplementationOnce(async (...args) => {
      await append(...args);
      throw new StoreUnavailable();
    });
    const sent = outcomes([send('end', true)]);
    await lab.pass(100);
    await sent;
    expect((await logged()).heard).toEqual(['end']);
  });

  it('is waited for only until it is of no use any more', async () => {
    vi.spyOn(a.store.events, 'append').mockRejectedValue(new StoreUnavailable());
    const sent = outcomes([send(1)]);
    await lab.pass(10_000);
    isOver = true;
    await lab.pass(2_000);
    expect((await sent).errors).toEqual([new StoreUnavailable()]);
  });
});

describe('a writer of a stream that takes nothing more', () => {
  it.each([
    ['ended', () => lab.instance().streams.append(lab.call, [said('end')], true), StreamEnded],
    ['gone', () => a.store.sessions.delete(lab.session.ref, lab.clock.now()), SessionNotFound],
  ] as const)(
    'because it is %s refuses what waits and what comes, and asks no more',
    async (_, end, error) => {
      const store = busy();
      const sent = outcomes(times(3, (index) => send(index)));
      await lab.pass();
      await end();
      store.answer();
      expect((await sent).errors).toMatchObject(times(3, () => ({ name: error.name })));
      await expect(send('later')).rejects.toThrow(error);
      await expect(send('later', true)).rejects.toThrow(error);
      expect(store.sizes).toEqual([1]);
    },
  );

  it('because it was closed refuses what waits and what comes with the reason', async () => {
    const store = busy();
    const first = send('under way');
    const others = outcomes([send(1), send(2, true)]);
    await lab.pass();
    writer.close(new StreamEnded());
    expect((await others).errors).toEqual([new StreamEnded(), new StreamEnded()]);
    await expect(send('later')).rejects.toThrow(StreamEnded);
    store.answer();
    await first;
  });

  // An end that is not the last of its batch is appended as a message like any other.
  it('because its end waits takes nothing behind that', async () => {
    const store = busy();
    const sent = [send(1), send('end', true)];
    const late = outcomes([send('too late')]);
    store.answer();
    await Promise.all(sent);
    expect((await late).errors).toEqual([new StreamEnded()]);
    const { heard, tail } = await logged();
    expect({ heard, outcome: tail.outcome }).toEqual({ heard: [1, 'end'], outcome: 'ended' });
  });

  it('another failure is that of its messages only', async () => {
    vi.spyOn(a.store.events, 'append').mockRejectedValueOnce(new Error('a bug'));
    await expect(send(1)).rejects.toThrow('a bug');
    await send(2);
    expect((await logged()).heard).toEqual([2]);
  });
});

describe('more than 10,000 messages that wait', () => {
  it('are refused by name of the limit, but an end is taken', async () => {
    const store = busy();
    const sent = times(10_001, (index) => send(index));
    await expect(send('too many')).rejects.toMatchObject({ code: 'limit_exceeded', isPassing: true });
    await expect(send('too many')).rejects.toThrow(/^10000 messages of this stream wait/);
    sent.push(send('end', true));
    store.answer();
    await Promise.all(sent);
    const { heard, tail } = await logged();
    expect(heard.at(-1)).toBe('end');
    expect(tail.outcome).toBe('ended');
    expect(heard.filter((text) => text === 'too many')).toEqual([]);
  });

  it('are taken again once there is room', async () => {
    const store = busy();
    const sent = times(10_001, (index) => send(index));
    await expect(send('too many')).rejects.toThrow(LimitExceeded);
    store.answer();
    await Promise.all(sent);
    await send('room');
    expect((await logged()).heard.at(-1)).toBe('room');
  });
});
