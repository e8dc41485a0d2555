import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WrongAnswer } from '../../bench/load/answer.ts';
import { EventStream } from '../../bench/load/event-stream.ts';
import { closeStreams, openStreams } from '../../bench/load/many.ts';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Answers every GET in one way. @returns its origin */
async function serve(answer: (response: ServerResponse) => void): Promise<string> {
  const listening = createServer((_, response) => answer(response));
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

const begin = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });

describe('EventStream', () => {
  it('gives the events of a stream, letters that are torn apart included', async () => {
    const bytes = Buffer.from('id: 1\ndata: "é"\n\n');
    const origin = await serve((response) => {
      begin(response).write(bytes.subarray(0, 14));
      setImmediate(() => response.write(bytes.subarray(14)));
    });
    let seen: (data: string) => void = () => {};
    const event = new Promise<string>((resolve) => {
      seen = resolve;
    });
    const stream = await EventStream.open(origin, { onEvent: ({ data }) => seen(data) });
    expect(await Promise.race([event, stream.failure])).toBe('"é"');
    await stream.close();
  });

  // Catches: a server that refuses streams, and is found to hold a thousand of them cheaply.
  it.each([
    ['an error', (response: ServerResponse) => response.writeHead(405).end()],
    [
      'JSON',
      (response: ServerResponse) => response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}'),
    ],
  ])('is not open where the answer is %s', async (_, answer) => {
    await expect(EventStream.open(await serve(answer))).rejects.toThrow(WrongAnswer);
  });

  // Catches: streams that the server ends while they are measured.
  it('tells that a stream has ended by itself', async () => {
    const ends: (() => void)[] = [];
    const origin = await serve((response) => {
      begin(response).flushHeaders();
      ends.push(() => response.end());
    });
    const streams = await openStreams(origin, [undefined, undefined]);
    ends[0]?.();
    await expect(Promise.race(streams.map((each) => each.failure))).rejects.toThrow(WrongAnswer);
    await expect(closeStreams(streams)).rejects.toThrow(WrongAnswer);
  });

  // Catches: a wrong message that is counted as if it were the right one, or whose error is lost.
  it('fails where an event is not what it must be', async () => {
    const origin = await serve((response) => begin(response).write('data: {}\n\n'));
    const stream = await EventStream.open(origin, {
      onEvent: () => {
        throw new WrongAnswer('another event', '{}');
      },
    });
    await expect(stream.failure).rejects.toThrow(WrongAnswer);
    await stream.close();
  });
});
