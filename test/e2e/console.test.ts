import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../contract/fixtures.ts';
import { RawClient, streamOf } from '../support/raw-client.ts';
import { MCP_HEADERS } from '../support/service.ts';
import { envelope, statelessCall, statelessPost } from '../support/stateless-request.ts';
import { type Server, type Servers, serversOn } from './servers.ts';

const SLOWLY = { to: 1_000, delay_ms: 20 };

let servers: Servers;
let server: Server;
beforeAll(async () => {
  servers = await serversOn('postgres');
  server = await servers.start();
});
afterAll(() => servers?.close());

// Catches: a stack on the console for each client that is cut off, past the logger and what it hides.
it('a server whose clients hang up, or have to be cut off, prints nothing but its log', async () => {
  await hangUpAmidBody();
  await hangUpAmidCall();
  await hangUpAmidStatelessCall();
  await stopReading();

  expect(await server.process.kill('SIGTERM')).toBe(0);
  const printed = server.process.stderr.trim().split('\n');
  const logged = printed.map((line) => (JSON.parse(line) as { readonly msg: string }).msg);
  expect(logged).toEqual(['started', 'stopping', 'stopped']);
  expect(server.process.stdout).toMatch(/^durable-mcp listening on .+\naborted \d+\n$/);
});

async function hangUpAmidBody(): Promise<void> {
  const { port, hostname, host } = new URL(server.origin);
  const socket = connect(Number(port), hostname);
  const headers = Object.entries({ ...MCP_HEADERS, Host: host, 'Content-Length': '100' });
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  await new Promise((resolve) => socket.write(`POST /mcp HTTP/1.1\r\n${head}\r\n{"jsonrpc"`, resolve));
  socket.resetAndDestroy();
}

async function hangUpAmidCall(): Promise<void> {
  const client = await RawClient.open(server.origin);
  for (const listening of [
    await client.listen(),
    streamOf(await client.call('count', SLOWLY, { id: 'count' })),
  ]) {
    await listening.until(() => listening.events.length > 0, 'the beginning of the stream');
    listening.close();
  }
  await client.tell({ method: 'notifications/cancelled', params: { requestId: 'count' } });
  await client.terminate();
}

async function hangUpAmidStatelessCall(): Promise<void> {
  const cut = new AbortController();
  const params = { name: 'count', arguments: SLOWLY, _meta: loud() };
  const init = statelessPost('tools/call', params);
  const { body } = await fetch(server.url, { ...init, signal: cut.signal });
  await body?.getReader().read();
  cut.abort();
  expect((await fetch(server.url, statelessCall('whoami'))).status).toBe(200);
}

async function stopReading(): Promise<void> {
  const { body, ...init } = statelessPost('tools/call', { name: 'flood', arguments: {}, _meta: loud() });
  const sent = httpRequest(server.url, init as { readonly headers: Record<string, string> });
  sent.end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.pause();
  await eventually(() => server.process.stdout.includes('aborted'), 'the call is aborted', 20_000);
  const closed = new Promise((resolve) => response.on('close', resolve).on('error', () => {}));
  response.resume();
  await closed;
  expect(response.complete).toBe(false);
}

/** Of requests whose tools may say what they do. */
function loud(): Record<string, unknown> {
  return envelope({ 'io.modelcontextprotocol/logLevel': 'debug' });
}
