import { ProtocolError, ProtocolErrorCode, Server } from '@modelcontextprotocol/server';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/server/validators/ajv';
import type { CallerSession } from '../caller-session.ts';
import type { ServerFactory } from '../server-factory.ts';
import type { ServiceFacts } from '../service-facts.ts';
import { durability } from '../session-tools/durability.ts';
import { stateTools } from './state-tools.ts';

/** One for all servers: each would make an Ajv of its own, which costs more than the rest of the server. */
const jsonSchemaValidator = new AjvJsonSchemaValidator();

/** The tools are the same for everybody, and change with a release only. */
const CACHE_HINT = { ttlMs: 300_000, cacheScope: 'public' } as const;

/**
 * Makes the servers of the service's own tools, for clients of all revisions. Descriptions and schemas are made
 * once, not per session; that, and to refuse arguments in our own words, is why this is the SDK's `Server` and not
 * its `McpServer`.
 */
export function stateServer(
  options: ServiceFacts & { readonly name: string; readonly version: string },
): ServerFactory {
  const { name, version } = options;
  const lasting = durability(options);
  const legacy = {
    tools: stateTools('legacy', options),
    instructions: `Keeps JSON values for this session by key. ${lasting}`,
  };
  const modern = {
    tools: stateTools('modern', options),
    instructions:
      'Keeps JSON values by key. Call open_session once, and pass the session_id that it returns with each call. ' +
      lasting,
  };
  return (caller: CallerSession) => {
    const { tools, instructions } = caller.era === 'modern' ? modern : legacy;
    const list = { tools: [...tools.list] };
    const server = new Server(
      { name, version, title: 'Durable session state' },
      {
        capabilities: { tools: {} },
        instructions,
        jsonSchemaValidator,
        cacheHints: { 'tools/list': CACHE_HINT, 'server/discover': CACHE_HINT },
      },
    );
    server.setRequestHandler('tools/list', () => list);
    server.setRequestHandler('tools/call', ({ params }) => {
      const result = tools.call(params.name, params.arguments, caller);
      if (result === undefined) {
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
      }
      return result;
    });
    return server;
  };
}
