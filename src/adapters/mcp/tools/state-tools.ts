import type { CallToolResult, Tool } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { CallerSession } from '../caller-session.ts';
import { closeSession } from './close-session.ts';
import { deleteValue } from './delete-value.ts';
import { durability } from './durability.ts';
import { input, namedSession, ownOrNamedSession } from './fields.ts';
import { getValue } from './get-value.ts';
import { listValues } from './list-values.ts';
import { openSession } from './open-session.ts';
import { sessionInfo } from './session-info.ts';
import { callStateTool, type StateTool, type StateToolSettings } from './state-tool.ts';
import { storeValue } from './store-value.ts';

const TOOLS = [openSession, storeValue, getValue, deleteValue, listValues, sessionInfo, closeSession];

export interface StateToolsOptions extends StateToolSettings {
  /** Told of errors that nobody foresaw, with the reference that the client was given. */
  readonly onBug: (error: unknown, reference: string) => void;
}

/** The service's own tools, for a server of any kind to offer. */
export interface StateTools {
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
export function stateTools(era: CallerSession['era'], options: StateToolsOptions): StateTools {
  const lasting = durability(options);
  const tools = TOOLS.map((tool) => ({ tool, schema: schemaOf(tool, era) }));
  return {
    list: tools.map(({ tool, schema }) => describe(tool, schema, lasting)),
    call: (name, args, caller) => {
      const found = tools.find(({ tool }) => tool.name === name);
      return found && callStateTool(found.tool, found.schema, args, { ...options, caller }, options.onBug);
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
