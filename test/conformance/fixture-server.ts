import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import type { CallerSession } from '../../src/adapters/mcp/caller-session.ts';
import type { ServiceFacts } from '../../src/adapters/mcp/service-facts.ts';
import { stateTools } from '../../src/adapters/mcp/tools/state-tools.ts';
import { registerContentTools } from './fixture/content-tools.ts';
import { registerElicitationTools } from './fixture/elicitation-tools.ts';
import { registerJsonSchemaTool } from './fixture/json-schema-tool.ts';
import { registerPrompts } from './fixture/prompts.ts';
import { registerResources } from './fixture/resources.ts';
import { registerSamplingTool } from './fixture/sampling-tool.ts';
import { registerStateTools } from './fixture/state-tools.ts';
import { registerStreamTools } from './fixture/stream-tools.ts';
import { registerSuiteStreamTools } from './fixture/suite-stream-tools.ts';

/** One for all servers, as in the service itself. */
const jsonSchemaValidator = new AjvJsonSchemaValidator();

/**
 * Makes servers that offer all that the official conformance suite asks of one, by the names it asks for, and
 * beside that the state tools and a few tools for tests of streams.
 */
export function fixtureServer(options: ServiceFacts): (session: CallerSession) => McpServer {
  const tools = stateTools('legacy', options);
  return (session) => {
    const server = new McpServer(
      { name: 'durable-mcp-conformance', version: '1.0.0' },
      {
        capabilities: { logging: {}, resources: { subscribe: true } },
        // A client that cannot be asked makes the tool fail with the reason, at once.
        enforceStrictCapabilities: true,
        jsonSchemaValidator,
      },
    );
    registerContentTools(server);
    registerSuiteStreamTools(server);
    registerSamplingTool(server);
    registerElicitationTools(server);
    registerJsonSchemaTool(server);
    registerStreamTools(server, session);
    registerStateTools(server, tools, session);
    registerResources(server);
    registerPrompts(server);
    return server;
  };
}
