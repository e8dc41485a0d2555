import { randomUUID } from 'node:crypto';
import { serve } from '@hono/node-server';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { Hono } from 'hono';
import { z } from 'zod';
import { announce } from './announce.ts';
import { getInput, SessionValues, storeInput } from './state-contract.ts';

/*
 * The reference for 2026-07-28: the official SDK's second generation, on Hono as its example has it. The revision has
 * no sessions, so a handle that is passed with each call finds the values in memory.
 */

const sessions = new Map<string, SessionValues>();

const handle = { session_id: z.string() };
const inputs = {
  open: z.object({}),
  store: z.object({ ...handle, ...storeInput }),
  get: z.object({ ...handle, ...getInput }),
  close: z.object(handle),
};

function valuesOf(sessionId: string): SessionValues {
  const values = sessions.get(sessionId);
  if (values === undefined) throw new Error('the session has expired or does not exist: call open_session');
  return values;
}

function result(structuredContent: Record<string, unknown>) {
  return { content: [{ type: 'text' as const, text: JSON.stringify(structuredContent) }], structuredContent };
}

function stateServer(): McpServer {
  const server = new McpServer({ name: 'sdk-in-memory', version: '1.0.0' });
  server.registerTool('open_session', { description: 'Opens a session.', inputSchema: inputs.open }, () => {
    const sessionId = randomUUID();
    sessions.set(sessionId, new SessionValues());
    return result({ session_id: sessionId });
  });
  server.registerTool(
    'store_value',
    { description: 'Stores a JSON value under a key.', inputSchema: inputs.store },
    ({ session_id, key, value }) => valuesOf(session_id).store(session_id, key, value),
  );
  server.registerTool(
    'get_value',
    { description: 'Returns the value of a key.', inputSchema: inputs.get },
    ({ session_id, key }) => valuesOf(session_id).get(session_id, key),
  );
  server.registerTool(
    'close_session',
    { description: 'Ends a session.', inputSchema: inputs.close },
    ({ session_id }) => result({ closed: sessions.delete(session_id) }),
  );
  return server;
}

const handler = createMcpHandler(stateServer);
const app = new Hono();
app.all('/mcp', (c) => handler.fetch(c.req.raw));
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => announce(server));
