import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { readMessage } from '../../src/adapters/http/message-body.ts';

const REQUEST = new Request('http://127.0.0.1/mcp');

/** A request of Node's with this body, and its end. */
function incomingOf(body: string): IncomingMessage {
  const incoming = new IncomingMessage(new Socket());
  incoming.push(body);
  incoming.push(null);
  incoming.complete = true;
  return incoming;
}

const outcome = (incoming: IncomingMessage): Promise<unknown> =>
  readMessage(REQUEST, incoming, 100).catch((error: unknown) => error);

describe('a body', () => {
  it('is read as it comes', async () => {
    expect(await readMessage(REQUEST, incomingOf('{"a":1}'), 100)).toEqual({ a: 1 });
  });

  // Catches: a wait for an end that was before, after which the client is never answered.
  it('that others have read is refused as none', async () => {
    const incoming = incomingOf('{"a":1}');
    incoming.resume();
    await once(incoming, 'end');
    expect(await outcome(incoming)).toMatchObject({ problem: 'parse_error' });
  });

  // Catches: the same for a client that hung up before its body was asked for.
  it('that was broken off before it is asked for is refused', async () => {
    const incoming = new IncomingMessage(new Socket());
    incoming.on('error', () => {});
    incoming.destroy();
    await once(incoming, 'close');
    expect(await outcome(incoming)).toMatchObject({ problem: expect.any(String) });
  });
});
