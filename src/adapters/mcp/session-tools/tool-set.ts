import type { CallToolResult, Tool } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { CallerSession } from '../caller-session.ts';
import type { ServiceFacts } from '../service-facts.ts';
import { durability } from './durability.ts';
import { input, namedSession, ownOrNamedSession } from './fields.ts';
import { callStateTool, type StateTool } from './state-tool.ts';

/** Tools for a server of any kind to offer. */
export interface ToolSet {
  /** As `tools/list` shows them. Made once, not per session. */
  readonly list: readonly Tool[];
  /**
   * Runs one `tools/call`. Arguments are checked here; what is wrong with them is in the result.
   * @returns `undefined` if none of these tools has that name
   */
  call(name: string, args: unknown, caller: CallerSession): Promise<CallToolResult> | undefined;
}

/**
 * The tools as clients of one era see them: those of `legacy` may leave out `session_id`, since their connection
 * has a session; those of `modern` must not.
 */
export function toolSet(
  tools: readonly StateTool[],
  era: CallerSession['era'],
  settings: ServiceFacts,
): ToolSet {
  const lasting = durability(settings);
  const offered = tools.map((tool) => ({ tool, schema: schemaOf(tool, era) }));
  return {
    list: offered.map(({ tool, schema }) => describe(tool, schema, lasting)),
    call: (name, args, caller) => {
      const found = offered.find(({ tool }) => tool.name === name);
      return found && callStateTool(found.tool, found.schema, args, { settings, caller });
    },
  };
}

function schemaOf(tool: StateTool, era: CallerSession['era']): z.ZodObject {
  if (!tool.hasSession) return input(tool.arguments);
  return era === 'modern'
    ? input({ session_id: namedSession, ...tool.arguments })
    : input({ ...tool.arguments, session_id: ownOrNamedSession });
}

function describe(tool: StateTool, schema: z.ZodObject, lasting: string): Tool {
  return {
    name: tool.name,
    title: tool.title,
    description: `${tool.description} ${lasting}`,
    inputSchema: z.toJSONSchema(schema, { io: 'input' }) as Tool['inputSchema'],
    outputSchema: z.toJSONSchema(tool.output) as NonNullable<Tool['outputSchema']>,
    annotations: tool.annotations,
  };
}
