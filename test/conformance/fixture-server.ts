import { McpServer } from '@modelcontextprotocol/server';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/server/validators/ajv';
import type { CallerSession } from '../../src/adapters/mcp/caller-session.ts';
import type { ServiceFacts } from '../../src/adapters/mcp/service-facts.ts';
import { stateTools } from '../../src/adapters/mcp/tools/state-tools.ts';
import { registerChangeTools } from './fixture/change-tools.ts';
import { registerContentTools } from './fixture/content-tools.ts';
import { registerElicitationTools } from './fixture/elicitation-tools.ts';
import { registerHeaderTool } from './fixture/header-tool.ts';
import { registerInputRequiredTools } from './fixture/input-required-tools.ts';
import { registerJsonSchemaTool } from './fixture/json-schema-tool.ts';
import { registerPrompts } from './fixture/prompts.ts';
import { registerRequestStateTools } from './fixture/request-state-tools.ts';
import { registerResources } from './fixture/resources.ts';
import { registerSamplingTools } from './fixture/sampling-tools.ts';
import { registerStateTools } from './fixture/state-tools.ts';
import { registerStreamTools } from './fixture/stream-tools.ts';
import { registerSuiteStreamTools } from './fixture/suite-stream-tools.ts';

/** One for all servers, as in the service itself. */
const jsonSchemaValidator = new AjvJsonSchemaValidator();

/** The lists are the same for all callers of one era. */
const CACHE_HINT = { ttlMs: 60_000, cacheScope: 'public' } as const;

/**
 * Makes servers that offer all that the official conformance suite asks of one, by the names it asks for, and
 * beside that the state tools and a few tools for tests of streams. For clients of all revisions.
 */
export function fixtureServer(service: ServiceFacts): (caller: CallerSession) => McpServer {
  const tools = { legacy: stateTools('legacy', service), modern: stateTools('modern', service) };
  return (caller) => {
    const { requestState } = caller;
    const server = new McpServer(
      { name: 'durable-mcp-conformance', version: '1.0.0' },
      {
        capabilities: { logging: {}, resources: { subscribe: true } },
        jsonSchemaValidator,
        requestState: { verify: requestState.verify },
        cacheHints: {
          'tools/list': CACHE_HINT,
          'prompts/list': CACHE_HINT,
          'resources/list': CACHE_HINT,
          'resources/templates/list': CACHE_HINT,
        },
      },
    );
    registerContentTools(server);
    registerSuiteStreamTools(server);
    registerSamplingTools(server);
    registerElicitationTools(server);
    registerInputRequiredTools(server);
    registerRequestStateTools(server, requestState);
    registerHeaderTool(server);
    registerJsonSchemaTool(server);
    registerChangeTools(server, caller);
    registerStreamTools(server, caller);
    registerStateTools(server, tools[caller.era], caller);
    registerResources(server);
    registerPrompts(server);
    return server;
  };
}
