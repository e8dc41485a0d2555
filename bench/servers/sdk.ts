import { randomUUID } from 'node:crypto';
import { serve } from '@hono/node-server';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { Hono } from 'hono';
import { announce } from './announce.ts';
import { getInput, SessionValues, storeInput } from './state-contract.ts';

/*
 * The reference: the official SDK's first generation, with sessions in memory, on Hono. Written as its examples and
 * documentation write it: a transport and a server for each session, kept in a map by session id.
 *
 * Argument: `json` or `sse`, how the transport answers.
 */

const enableJsonResponse = process.argv[2] === 'json';

function stateServer(): McpServer {
  const values = new SessionValues();
  const server = new McpServer({ name: 'sdk-in-memory', version: '1.0.0' });
  server.registerTool(
    'store_value',
    { description: 'Stores a JSON value under a key.', inputSchema: storeInput },
    ({ key, value }, { sessionId = '' }) => values.store(sessionId, key, value),
  );
  server.registerTool(
    'get_value',
    { description: 'Returns the value of a key.', inputSchema: getInput },
    ({ key }, { sessionId = '' }) => values.get(sessionId, key),
  );
  return server;
}

const transports = new Map<string, WebStandardStreamableHTTPServerTransport>();

async function newTransport(): Promise<WebStandardStreamableHTTPServerTransport> {
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse,
    onsessioninitialized: (sessionId) => {
      transports.set(sessionId, transport);
    },
  });
  transport.onclose = () => {
    if (transport.sessionId !== undefined) transports.delete(transport.sessionId);
  };
  // The SDK's own type does not fit its own interface under `exactOptionalPropertyTypes`.
  await stateServer().connect(transport as Transport);
  return transport;
}

const app = new Hono();
app.all('/mcp', async (c) => {
  const sessionId = c.req.header('mcp-session-id');
  if (sessionId === undefined) return (await newTransport()).handleRequest(c.req.raw);
  const transport = transports.get(sessionId);
  if (transport !== undefined) return transport.handleRequest(c.req.raw);
  return c.json({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null }, 404);
});

const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => announce(server));
