import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HttpServer, listen } from '../../src/app/http-server.ts';
import { MOST_WAITING } from '../../src/app/requests-in-turn.ts';
import { DEFAULT_LIMITS } from '../../src/domain/limits.ts';
import { eventually, times } from '../contract/fixtures.ts';
import { initializeMessage, post, testService, toolCall } from '../support/service.ts';

const PLACES = 3;

let server: HttpServer;
let sessionId: string;
const sockets: Socket[] = [];

beforeEach(async () => {
  const limits = { ...DEFAULT_LIMITS, streamsPerInstance: PLACES };
  server = await listen(testService({ config: { limits } }).service, { host: '127.0.0.1', port: 0 }, 100);
  sessionId = await open();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.stop();
});

async function open(): Promise<string> {
  const opened = await fetch(`${server.origin}/mcp`, post(initializeMessage()));
  return opened.headers.get('mcp-session-id') as string;
}

/** The bytes of a request. */
function bytesOf({ method = 'GET', headers, body }: RequestInit): string {
  const given = Object.entries({
    Host: '127.0.0.1',
    'Mcp-Session-Id': sessionId,
    ...(headers as Record<string, string>),
    ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(String(body))) }),
  });
  const lines = given.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} /mcp HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`;
}

const LISTEN = { headers: { Accept: 'text/event-stream' } };

async function connection(): Promise<{ readonly socket: Socket; readonly text: () => string }> {
  const { hostname, port } = new URL(server.origin);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  return { socket, text: () => text };
}

function inSession(id: string, init: RequestInit): RequestInit {
  return { ...init, headers: { ...(init.headers as Record<string, string>), 'Mcp-Session-Id': id } };
}

function send(init: RequestInit, id = sessionId): Promise<Response> {
  return fetch(`${server.origin}/mcp`, inSession(id, init));
}

const store = (key: string, value: unknown): RequestInit => post(toolCall('store_value', { key, value }));
const read = async (key: string): Promise<string> =>
  (await send(post(toolCall('get_value', { key })))).text();
const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };

describe('requests that are sent before the answers to earlier ones', () => {
  // Catches: places that nobody gives back, since Node tells nobody of an answer that waits behind another that its
  // client has hung up, and what is done for a client that is gone.
  it('are not begun when their client hangs up before it is their turn', async () => {
    const another = await open();
    const { socket, text } = await connection();
    const streams = bytesOf(inSession(another, LISTEN)).repeat(2);
    socket.write(bytesOf(LISTEN) + streams + bytesOf(inSession(another, { method: 'DELETE' })));
    await eventually(() => text().includes('text/event-stream'), 'the first is answered');
    expect((await send(post(PING), another)).status).toBe(200);
    socket.destroy();
    const others = await Promise.all(times(PLACES, open));
    await eventually(async () => {
      const opened = await Promise.all(others.map((each) => send(LISTEN, each)));
      await Promise.all(opened.map(({ body }) => body?.cancel()));
      return opened.every(({ status }) => status === 200);
    }, 'all places are free again');
    await eventually(
      async () => (await send(post(PING), another)).status === 200,
      'the other session is there',
    );
  });

  it('are answered in their order', async () => {
    const { socket, text } = await connection();
    const calls = times(20, (number) => post({ ...PING, id: `number ${number}` }));
    socket.write(calls.map(bytesOf).join(''));
    await eventually(() => text().includes('number 19'), 'the last is answered');
    expect([...text().matchAll(/"id":"number (\d+)"/g)].map(([, number]) => Number(number))).toEqual(
      times(20, (number) => number),
    );
  });

  // Catches: answers of any size and number that wait in the memory of the server for a client that does not read.
  it('are not served while the answer to an earlier one waits to be read', async () => {
    expect((await send(store('large', 'x'.repeat(250_000)))).status).toBe(200);
    const { socket } = await connection();
    socket.pause();
    const large = bytesOf(post(toolCall('get_value', { key: 'large' })));
    socket.write(large.repeat(60) + bytesOf(store('behind', 1)));
    for (let count = 0; count < 20; count += 1) expect(await read('behind')).toContain('"found":false');
    socket.resume();
    await eventually(
      async () => (await read('behind')).includes('"found":true'),
      'it is served when its turn comes',
    );
  });

  it(`may be ${MOST_WAITING} beside the one that is answered, and one more ends the connection`, async () => {
    const ping = bytesOf(post(PING));
    const one = await connection();
    one.socket.write(bytesOf(LISTEN) + ping.repeat(MOST_WAITING));
    await eventually(() => one.text().includes('text/event-stream'), 'the first is answered');
    expect(one.socket.destroyed).toBe(false);
    one.socket.write(ping);
    await once(one.socket, 'close');
  });
});

describe('what is no request, behind one that is', () => {
  const GARBAGE = 'this is no request\r\n\r\n';

  // Catches: an error that is taken for the answer to a call that runs, and is then made again.
  it('is no answer to it', async () => {
    const { socket, text } = await connection();
    const closed = once(socket, 'close');
    socket.write(bytesOf(store('k', 1)) + GARBAGE);
    await closed;
    expect(text()).toMatch(/^HTTP\/1.1 200 .*^connection: close/ims);
    expect(text()).toContain('"stored":true');
    expect(text()).not.toContain('malformed_request');
  });

  // Catches: the same, in the middle of a stream.
  it('is no part of a stream, where another request came in between', async () => {
    const { socket, text } = await connection();
    const closed = once(socket, 'close');
    socket.write(bytesOf(LISTEN));
    await eventually(() => text().includes('text/event-stream'), 'the stream is open');
    socket.write(bytesOf(post(PING)) + GARBAGE);
    await closed;
    expect(text()).not.toContain('malformed_request');
  });
});
