import type { CallerSession } from '../caller-session.ts';
import type { ServiceFacts } from '../service-facts.ts';
import { closeSession } from '../session-tools/close-session.ts';
import { openSession } from '../session-tools/open-session.ts';
import { type ToolSet, toolSet } from '../session-tools/tool-set.ts';
import { deleteValue } from './delete-value.ts';
import { getValue } from './get-value.ts';
import { listValues } from './list-values.ts';
import { sessionInfo } from './session-info.ts';
import { storeValue } from './store-value.ts';

const TOOLS = [openSession, storeValue, getValue, deleteValue, listValues, sessionInfo, closeSession];

/** The service's own tools. */
export function stateTools(era: CallerSession['era'], settings: ServiceFacts): ToolSet {
  return toolSet(TOOLS, era, settings);
}
