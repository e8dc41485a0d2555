import { z } from 'zod';
import type { CallerSession } from '../caller-session.ts';
import type { ServiceFacts } from '../service-facts.ts';
import { namedSession, ownOrNamedSession } from './fields.ts';
import { sessionTools } from './session-tools.ts';
import { type ToolSet, toolSet } from './tool-set.ts';

/** What is asked of an author's server: `McpServer` of either SDK generation has it. */
export interface ToolRegistry {
  // biome-ignore lint/suspicious/noExplicitAny: each SDK generation types its callbacks in a way of its own
  registerTool(name: string, config: any, run: any): unknown;
}

interface OfferedTools extends Pick<ToolSet, 'call'> {
  readonly list: readonly { readonly name: string; readonly config: object }[];
}

interface ToolSets {
  readonly legacy: OfferedTools;
  readonly modern: OfferedTools;
}

/** Made once for each endpoint, not for each server. */
const madeFor = new WeakMap<ServiceFacts, ToolSets>();

/**
 * Lets the clients of an author's server have sessions that belong to no connection: registers `open_session`,
 * `close_session`, and where callers are known by name `list_sessions`. A tool that takes a `session_id` then finds its session with `session.at(session_id)`.
 */
export function registerSessionTools(server: ToolRegistry, session: CallerSession): void {
  const tools = toolSetsOf(session.service)[session.era];
  for (const { name, config } of tools.list) {
    server.registerTool(name, config, (args: unknown) => tools.call(name, args, session));
  }
}

/**
 * The schema of a tool's `session_id` argument: optional where the connection has a session of its own, required for
 * clients of 2026-07-28. Give what comes of it to `session.at(…)`.
 */
export function sessionIdArgument(session: CallerSession): z.ZodType<string | undefined> {
  return session.era === 'modern' ? namedSession : ownOrNamedSession;
}

function toolSetsOf(service: ServiceFacts): ToolSets {
  const known = madeFor.get(service);
  if (known !== undefined) return known;
  const tools = sessionTools(service);
  const made = {
    legacy: offered(toolSet(tools, 'legacy', service)),
    modern: offered(toolSet(tools, 'modern', service)),
  };
  madeFor.set(service, made);
  return made;
}

function offered({ list, call }: ToolSet): OfferedTools {
  const withSchemas = list.map(({ name, inputSchema, outputSchema, ...config }) => ({
    name,
    config: {
      ...config,
      inputSchema: shownAs(inputSchema),
      ...(outputSchema && { outputSchema: shownAs(outputSchema) }),
    },
  }));
  return { list: withSchemas, call };
}

/** Is shown as `schema`, and lets any object pass: the tools check their arguments in words of their own. */
function shownAs(schema: Readonly<Record<string, unknown>>): z.ZodObject {
  return z.looseObject({}).meta(schema);
}
