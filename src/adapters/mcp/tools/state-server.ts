import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import type { ServerFactory } from '../sessions/session-server.ts';
import { durability } from './durability.ts';
import { type StateToolsOptions, stateTools } from './state-tools.ts';

/** One for all servers: each would make an Ajv of its own, which costs more than the rest of the server. */
const jsonSchemaValidator = new AjvJsonSchemaValidator();

/**
 * Makes the servers of the service's own tools. Descriptions and schemas are made once, not per session; that,
 * and to refuse arguments in our own words, is why this is the SDK's `Server` and not its `McpServer`.
 */
export function stateServer(
  options: StateToolsOptions & { readonly name: string; readonly version: string },
): ServerFactory {
  const { name, version } = options;
  const tools = stateTools(options);
  const list = { tools: [...tools.list] };
  const instructions = `Keeps JSON values for this session by key. ${durability(options)}`;
  return (state) => {
    const server = new Server(
      { name, version, title: 'Durable session state' },
      { capabilities: { tools: {} }, instructions, jsonSchemaValidator },
    );
    server.setRequestHandler(ListToolsRequestSchema, () => list);
    server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
      const result = tools.call(params.name, params.arguments, state);
      if (result === undefined) throw new McpError(ErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
      return result;
    });
    return server;
  };
}
