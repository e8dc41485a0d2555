import type { CallerSession } from '../caller-session.ts';
import type { ServiceFacts } from '../service-facts.ts';
import { sessionTools } from '../session-tools/session-tools.ts';
import { type ToolSet, toolSet } from '../session-tools/tool-set.ts';
import { deleteValue } from './delete-value.ts';
import { getValue } from './get-value.ts';
import { listValues } from './list-values.ts';
import { sessionInfo } from './session-info.ts';
import { storeValue } from './store-value.ts';

const VALUE_TOOLS = [storeValue, getValue, deleteValue, listValues, sessionInfo];

/** The service's own tools. */
export function stateTools(era: CallerSession['era'], service: ServiceFacts): ToolSet {
  return toolSet([...sessionTools(service), ...VALUE_TOOLS], era, service);
}
