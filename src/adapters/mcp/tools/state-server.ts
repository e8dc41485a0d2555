import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  ErrorCode,
  ListToolsRequestSchema,
  type ListToolsResult,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import type { ServerFactory } from '../sessions/session-server.ts';
import { deleteValue } from './delete-value.ts';
import { durability } from './durability.ts';
import { getValue } from './get-value.ts';
import { listValues } from './list-values.ts';
import { sessionInfo } from './session-info.ts';
import { callStateTool, describeStateTool, type StateToolSettings } from './state-tool.ts';
import { storeValue } from './store-value.ts';

const TOOLS = [storeValue, getValue, deleteValue, listValues, sessionInfo];

/** One for all servers: each would make an Ajv of its own, which costs more than the rest of the server. */
const jsonSchemaValidator = new AjvJsonSchemaValidator();

/**
 * Makes the servers of the service's own tools. Descriptions and schemas are made once, not per session; that,
 * and to refuse arguments in our own words, is why this is the SDK's `Server` and not its `McpServer`.
 */
export function stateServer(
  settings: StateToolSettings & {
    readonly name: string;
    readonly version: string;
    readonly onBug: (error: unknown, reference: string) => void;
  },
): ServerFactory {
  const { name, version, onBug } = settings;
  const lasting = durability(settings);
  const list: ListToolsResult = { tools: TOOLS.map((tool) => describeStateTool(tool, lasting)) };
  const instructions = `Keeps JSON values for this session by key. ${lasting}`;
  return (state) => {
    const server = new Server(
      { name, version, title: 'Durable session state' },
      { capabilities: { tools: {} }, instructions, jsonSchemaValidator },
    );
    const context = { ...settings, state };
    server.setRequestHandler(ListToolsRequestSchema, () => list);
    server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
      const tool = TOOLS.find((each) => each.name === params.name);
      if (tool === undefined) throw new McpError(ErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
      return callStateTool(tool, params.arguments, context, onBug);
    });
    return server;
  };
}
