import { McpServer as FirstGenerationServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  CompleteRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { library } from '../support/library.ts';
import { initializeMessage, post, testService } from '../support/service.ts';
import { statelessPost } from '../support/stateless-request.ts';

type Params = Record<string, unknown>;

interface ErrorBody {
  readonly id: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

const CAPABILITIES = { completions: {}, logging: {}, prompts: {}, resources: { subscribe: true } };
const LIST = async () => ({ resources: [] });
const READ = async () => ({ contents: [] });
const MESSAGES = async () => ({ messages: [] });

/** A server that has a handler for each method that a client can send. */
function secondGeneration(): McpServer {
  const server = new McpServer({ name: 'all', version: '2' }, { capabilities: CAPABILITIES });
  server.registerTool('act', { inputSchema: z.object({}) }, async () => ({ content: [] }));
  server.registerResource('all', new ResourceTemplate('x:{id}', { list: LIST }), {}, READ);
  server.registerPrompt('say', { argsSchema: z.object({ what: z.string() }) }, MESSAGES);
  server.server.setRequestHandler('completion/complete', () => ({ completion: { values: [] } }));
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
  return server;
}

/** The same of the SDK's first generation, whose schemas are others. */
function firstGeneration(): FirstGenerationServer {
  const server = new FirstGenerationServer({ name: 'all', version: '1' }, { capabilities: CAPABILITIES });
  server.registerTool('act', { inputSchema: {} }, async () => ({ content: [] }));
  server.server.setRequestHandler(ListResourcesRequestSchema, () => ({ resources: [] }));
  server.server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [] }));
  server.server.setRequestHandler(ReadResourceRequestSchema, () => ({ contents: [] }));
  server.server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  server.server.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: [] } }));
  server.registerPrompt('say', { argsSchema: { what: z.string() } }, MESSAGES);
  return server;
}

/** Of each method params that do not fit, and the field that is to be named. */
const WRONG: readonly (readonly [method: string, params: Params | undefined, field: string])[] = [
  ['tools/list', { cursor: 7 }, 'params.cursor'],
  ['tools/call', { name: 'act', arguments: 'x' }, 'arguments'],
  ['tools/call', {}, 'name'],
  ['tools/call', undefined, 'params'],
  ['resources/list', { cursor: 7 }, 'params.cursor'],
  ['resources/templates/list', { cursor: 7 }, 'params.cursor'],
  ['resources/read', { uri: 7 }, 'params.uri'],
  ['resources/subscribe', { uri: 7 }, 'params.uri'],
  ['resources/unsubscribe', {}, 'params.uri'],
  ['prompts/list', { cursor: 7 }, 'params.cursor'],
  ['prompts/get', { name: 'say', arguments: { what: 7 } }, 'params.arguments.what'],
  ['prompts/get', { name: 'say', arguments: {} }, 'what'],
  ['completion/complete', { ref: { type: 'x' }, argument: { name: 'a', value: 'b' } }, 'params.ref'],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'say' }, argument: 7 }, 'params.argument'],
  ['logging/setLevel', { level: 'loud' }, 'params.level'],
  ['logging/setLevel', undefined, 'params'],
];

/** What only sessions have, and what only 2026-07-28 has. */
const OF_SESSIONS = ['resources/subscribe', 'resources/unsubscribe', 'logging/setLevel'];
const OF_STATELESS: typeof WRONG = [
  ['subscriptions/listen', { notifications: 7 }, 'notifications'],
  ['tools/call', { name: 'act', arguments: {}, requestState: 7 }, 'requestState'],
];

async function assertRefused(response: Response, field: string): Promise<void> {
  const { id, error } = (await response.json()) as ErrorBody;
  expect({ status: response.status, id, code: error?.code }).toEqual({ status: 200, id: 7, code: -32_602 });
  expect(error?.message).toContain(field);
  expect(error?.message).not.toMatch(/[{}\n]/);
}

// Catches: a client's mistake that it is told as the server's, in a form that it cannot show to anybody.
describe('params that do not fit their method are refused by name', () => {
  describe.each([
    ['of the first generation', firstGeneration],
    ['of the second generation', secondGeneration],
  ])('by a server %s, in a session:', (_, server) => {
    const { request } = library({ server });
    let headers: Record<string, string>;

    beforeAll(async () => {
      const opened = await request(post(initializeMessage()));
      headers = { 'Mcp-Session-Id': opened.headers.get('mcp-session-id') as string };
    });

    it.each(WRONG)('%s %j', async (method, params, field) => {
      await assertRefused(await request(post({ jsonrpc: '2.0', id: 7, method, params }, headers)), field);
    });

    it('initialize', async () => {
      const message = { ...initializeMessage({ clientInfo: 'nobody' }), id: 7 };
      await assertRefused(await request(post(message)), 'params.clientInfo');
    });
  });

  describe('in 2026-07-28:', () => {
    const { request } = library({ server: secondGeneration });
    const wrong = [...WRONG.filter(([method]) => !OF_SESSIONS.includes(method)), ...OF_STATELESS];

    it.each(wrong)('%s %j', async (method, params, field) => {
      await assertRefused(await request(statelessPost(method, params)), field);
    });
  });

  it('tools/list of the service itself, in either', async () => {
    const { request } = testService();
    const opened = await request('/mcp', post(initializeMessage()));
    const headers = { 'Mcp-Session-Id': opened.headers.get('mcp-session-id') as string };
    const params = { cursor: 7 };
    for (const init of [
      post({ jsonrpc: '2.0', id: 7, method: 'tools/list', params }, headers),
      statelessPost('tools/list', params),
    ]) {
      await assertRefused(await request('/mcp', init), 'params.cursor: ');
    }
  });
});
