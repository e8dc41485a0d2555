import type { CallToolResult, Tool } from '@modelcontextprotocol/sdk/types.js';
import type { SessionState } from '../../../domain/session-state.ts';
import { deleteValue } from './delete-value.ts';
import { durability } from './durability.ts';
import { getValue } from './get-value.ts';
import { listValues } from './list-values.ts';
import { sessionInfo } from './session-info.ts';
import { callStateTool, describeStateTool, type StateToolSettings } from './state-tool.ts';
import { storeValue } from './store-value.ts';

const TOOLS = [storeValue, getValue, deleteValue, listValues, sessionInfo];

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
  call(name: string, args: unknown, state: SessionState): Promise<CallToolResult> | undefined;
}

export function stateTools(options: StateToolsOptions): StateTools {
  const lasting = durability(options);
  return {
    list: TOOLS.map((tool) => describeStateTool(tool, lasting)),
    call: (name, args, state) => {
      const tool = TOOLS.find((each) => each.name === name);
      return tool && callStateTool(tool, args, { ...options, state }, options.onBug);
    },
  };
}
