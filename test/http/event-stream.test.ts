import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventStreamResponse } from '../../src/adapters/http/event-stream.ts';
import { ClientTooSlow } from '../../src/domain/client-too-slow.ts';
import type { EventStream, StreamEvent } from '../../src/ports/mcp-endpoint.ts';

const A_WHILE_MS = 60 * 60_000;
const KEEP_ALIVE = ': keep-alive\n\n';

/** A stream that gives what a test tells it to. */
class ToldStream implements EventStream {
  asked = 0;
  isClosed = false;
  tell: (events: readonly StreamEvent[] | undefined) => void = () => {};
  fail: (error: Error) => void = () => {};

  next(): Promise<readonly StreamEvent[] | undefined> {
    this.asked += 1;
    return new Promise((resolve, reject) => {
      this.tell = resolve;
      this.fail = reject;
    });
  }

  close(): void {
    this.isClosed = true;
    this.tell(undefined);
  }
}

let stream: ToldStream;
let reader: ReadableStreamDefaultReader<Uint8Array>;

beforeEach(() => {
  vi.useFakeTimers();
  stream = new ToldStream();
  reader = (eventStreamResponse(stream).body as ReadableStream<Uint8Array>).getReader();
});
afterEach(() => {
  vi.useRealTimers();
});

async function read(): Promise<string | undefined> {
  const { value } = await reader.read();
  return value && new TextDecoder().decode(value);
}

describe('the events of a stream', () => {
  it('that come together are sent at once', async () => {
    const sent = read();
    stream.tell([{ id: '1', data: '' }, { id: '2', data: '{"a":"é"}' }, { retryMs: 500 }]);
    expect(await sent).toBe('id: 1\ndata: \n\nid: 2\ndata: {"a":"é"}\n\nretry: 500\n\n');
  });

  // Catches: a stream that is read into memory, however slowly its client takes it.
  it('are not asked for before their client has room', async () => {
    expect(stream.asked).toBe(0);
    const sent = read();
    stream.tell([{ data: '1' }]);
    await sent;
    await vi.advanceTimersByTimeAsync(0);
    expect(stream.asked).toBe(1);
  });

  it('end with it, or with its error', async () => {
    const sent = read();
    stream.fail(new Error('broken'));
    await expect(sent).rejects.toThrow('broken');
    expect(vi.getTimerCount()).toBe(0);
  });
});

// Catches: a body that fails although the connection is ended: whoever writes it prints that on the console.
describe('a stream whose connection can be broken off', () => {
  let reasons: unknown[];
  let rest: Promise<string | undefined>;
  beforeEach(async () => {
    await reader.cancel();
    stream = new ToldStream();
    reasons = [];
    const { body } = eventStreamResponse(stream, (reason) => void reasons.push(reason));
    reader = (body as ReadableStream<Uint8Array>).getReader();
  });
  afterEach(async () => {
    // As the connection does when it closes.
    await reader.cancel();
    expect(await rest).toBeUndefined();
    expect(stream.isClosed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is broken off where it fails', async () => {
    rest = read();
    const error = new Error('broken');
    stream.fail(error);
    await vi.advanceTimersByTimeAsync(0);
    expect(reasons).toEqual([error]);
  });

  it('is broken off, once, where its client takes nothing', async () => {
    await vi.advanceTimersByTimeAsync(A_WHILE_MS);
    expect(reasons).toEqual([new ClientTooSlow()]);
    expect(await read()).toBe(KEEP_ALIVE);
    rest = read();
  });
});

describe('a silent stream', () => {
  it('is kept alive, and loses nothing by that', async () => {
    for (let silence = 1; silence <= 3; silence += 1) {
      const sent = read();
      await vi.advanceTimersByTimeAsync(25_000);
      expect(await sent).toBe(KEEP_ALIVE);
    }
    expect(stream.asked).toBe(1);
    const sent = read();
    stream.tell([{ data: '1' }]);
    expect(await sent).toBe('data: 1\n\n');
  });

  // Catches: comments that gather in memory for a client that takes nothing.
  it('whose client takes nothing holds one comment for it', async () => {
    await vi.advanceTimersByTimeAsync(100_000);
    expect(await read()).toBe(KEEP_ALIVE);
    const next = read();
    stream.tell([{ data: '1' }]);
    expect(await next).toBe('data: 1\n\n');
  });

  // Catches: streams whose clients went to sleep, which keep what they were to be given for as long as the process lives.
  it('whose client takes nothing for 125 s is broken off', async () => {
    await vi.advanceTimersByTimeAsync(124_999);
    expect(stream.isClosed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(stream.isClosed).toBe(true);
    await expect(read()).rejects.toThrow('does not read');
    expect(vi.getTimerCount()).toBe(0);
  });

  // Catches: a client that is cut off though it reads, because stalls before and after are added up.
  it('whose client takes something now and then is not broken off', async () => {
    for (let time = 1; time <= 5; time += 1) {
      await vi.advanceTimersByTimeAsync(100_000);
      expect(await read()).toBe(KEEP_ALIVE);
    }
    expect(stream.isClosed).toBe(false);
  });

  // Catches: a timer that outlives its stream, and fails when it next says that the stream lives.
  it.each([
    ['has ended', () => stream.tell(undefined)],
    ['is left by its client', () => void reader.cancel()],
  ])('is not kept alive after it %s', async (_, end) => {
    const rest = read();
    end();
    expect(await rest).toBeUndefined();
    await vi.advanceTimersByTimeAsync(A_WHILE_MS);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that its client leaves is closed', async () => {
    await reader.cancel();
    expect(stream.isClosed).toBe(true);
  });
});
