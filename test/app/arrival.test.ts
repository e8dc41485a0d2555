import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HEADERS_BYTES } from '../../src/adapters/http/unreadable-request.ts';
import { type HttpServer, listen } from '../../src/app/http-server.ts';
import { eventually } from '../contract/fixtures.ts';
import { initializeMessage, post, testService } from '../support/service.ts';

let server: HttpServer;
const sockets: Socket[] = [];

beforeEach(async () => {
  const arrival = { headersMs: 150, requestMs: 300, checkMs: 20, unreadMs: 300 };
  server = await listen(testService().service, { host: '127.0.0.1', port: 0 }, 100, arrival);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.stop();
});

interface Connection {
  readonly socket: Socket;
  /** All that the server said before it ended the connection. */
  readonly all: Promise<string>;
  /** The same, as the one answer that it was. */
  readonly said: () => Promise<{ readonly head: string; readonly reason: string | undefined }>;
}

async function connection(): Promise<Connection> {
  const { hostname, port } = new URL(server.origin);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  socket.on('error', () => {});
  const all = once(socket, 'close').then(() => text);
  const said = async (): ReturnType<Connection['said']> => {
    const [head = '', body = ''] = (await all).split('\r\n\r\n');
    const { error } = JSON.parse(body) as { error?: { data: { reason: string } } };
    return { head, reason: error?.data.reason };
  };
  return { socket, all, said };
}

async function open(): Promise<string> {
  const opened = await fetch(`${server.origin}/mcp`, post(initializeMessage()));
  return opened.headers.get('mcp-session-id') as string;
}

/** Sends `text` over and over until the server has enough of it. */
function trickle(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 10);
  socket.on('close', () => clearInterval(timer));
}

const POST = [
  'POST /mcp HTTP/1.1',
  'Host: 127.0.0.1',
  'Accept: application/json, text/event-stream',
  'Content-Type: application/json',
];

describe('a request', () => {
  // Catches: connections that anybody can hold open for ever, with a byte now and then.
  it('whose headers trickle is ended', async () => {
    const { socket, said } = await connection();
    socket.write(`${POST.join('\r\n')}\r\n`);
    trickle(socket, 'X-Slow: 1\r\n');
    const { head, reason } = await said();
    expect(head).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n/);
    expect(reason).toBe('request_timeout');
  });

  it('whose body trickles is ended, and so is one that stops', async () => {
    const [slow, silent] = [await connection(), await connection()];
    for (const { socket } of [slow, silent]) {
      socket.write(`${POST.join('\r\n')}\r\nContent-Length: 1000000\r\n\r\n{`);
    }
    trickle(slow.socket, ' ');
    for (const { said } of [slow, silent]) {
      expect((await said()).reason).toBe('request_timeout');
    }
  });

  // Catches: an answer without a body, of which clients of JSON-RPC make nothing.
  it.each([
    ['whose headers are too large', 'X: '.padEnd(HEADERS_BYTES, 'x'), 431, 'headers_too_large'],
    ['that is none of HTTP', 'X X: \u0001', 400, 'malformed_request'],
  ])('%s is answered as JSON-RPC, and ended', async (_, line, status, expected) => {
    const { socket, said } = await connection();
    socket.write(`${POST.join('\r\n')}\r\n${line}\r\n\r\n`);
    const { head, reason } = await said();
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} .*content-type: application/json`, 'is'));
    expect(reason).toBe(expected);
  });

  // Catches: an Origin that nobody looks at, since Node takes 2,000 headers and leaves out the rest.
  it('is refused for a header that stands behind thousands of others', async () => {
    const body = JSON.stringify(initializeMessage());
    const headers = [...POST, `Content-Length: ${body.length}`, 'Connection: close'];
    const { socket, said } = await connection();
    const all = [...headers, ...Array.from({ length: 2_500 }, () => 'a:'), 'Origin: https://evil.example'];
    socket.write(`${all.join('\r\n')}\r\n\r\n${body}`);
    expect((await said()).reason).toBe('origin_not_allowed');
  });

  it.each([
    'GET /mcp HTTP/1.1\r\nHost: a b',
    'GET /mcp HTTP/1.0\r\nX: no host',
    'OPTIONS * HTTP/1.1\r\nHost: a',
  ])('that names nothing to ask for is answered as JSON-RPC, and ended: %j', async (head) => {
    const { socket, said } = await connection();
    socket.write(`${head}\r\n\r\n`);
    expect((await said()).reason).toBe('malformed_request');
  });

  it('whose headers are just not too large is answered', async () => {
    const body = JSON.stringify(initializeMessage());
    const [, ...known] = POST;
    const headers = [...known, `Content-Length: ${body.length}`, 'Connection: close'];
    const used = headers.join('\r\n').length;
    const { socket, said } = await connection();
    socket.write(
      `${[POST[0], ...headers, `X: ${'x'.repeat(HEADERS_BYTES - used - 64)}`].join('\r\n')}\r\n\r\n${body}`,
    );
    expect((await said()).head).toMatch(/^HTTP\/1.1 200 /);
  });

  // Catches: an error that is written into the middle of an answer, of which it then is a part.
  it('that cannot be read ends a stream that is under way, without a word in it', async () => {
    const id = await open();
    const { socket, all } = await connection();
    socket.write(
      `GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${id}\r\n\r\n`,
    );
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(String(first)).toMatch(/^HTTP\/1.1 200 /);
    socket.write('this is no request\r\n\r\n');
    const text = await all;
    expect(text).toContain('text/event-stream');
    expect(text).not.toContain('malformed_request');
  });
});

describe('an answer', () => {
  // Catches: a connection that anybody can hold open for ever, and what waits for it, by reading nothing.
  it('of which its client takes nothing any more is given up, and one that it reads is not', async () => {
    const [opened, { socket, all }, reader] = [await open(), await connection(), await connection()];
    // It may be told by an error.
    all.catch(() => {});
    const call = (name: string, args: object): string => {
      const params = { name, arguments: args };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
      const headers = [...POST, `Mcp-Session-Id: ${opened}`, `Content-Length: ${body.length}`];
      return `${headers.join('\r\n')}\r\n\r\n${body}`;
    };
    reader.socket.write(call('store_value', { key: 'large', value: 'x'.repeat(250_000) }));
    await once(reader.socket, 'data');
    socket.pause();
    // More than what the system takes for it.
    socket.write(call('get_value', { key: 'large' }).repeat(60));
    await eventually(() => {
      // Whoever reads nothing finds out by writing.
      socket.write('\r\n');
      return socket.destroyed;
    }, 'it is given up');
    reader.socket.write(call('get_value', { key: 'large' }));
    await once(reader.socket, 'data');
  });
});
