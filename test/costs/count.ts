import type { DynamodbEngine } from '../support/dynamodb-engines.ts';
import type { CostRow } from './cost-row.ts';
import { type HourlyCost, hourlyCostBeforeChanges, hourlyCosts } from './hours.ts';
import { CostLab } from './lab.ts';
import { protocolCosts } from './protocol.ts';
import { streamCosts } from './streams.ts';
import { toolCallCosts } from './tool-calls.ts';

export interface Costs {
  readonly toolCalls: readonly CostRow[];
  readonly protocol: readonly CostRow[];
  readonly streams: readonly CostRow[];
  readonly hours: readonly HourlyCost[];
}

/** Runs each operation and counts what it is charged. The figures do not depend on the machine. */
export async function countCosts(engine: DynamodbEngine): Promise<Costs> {
  const lab = await CostLab.open(engine);
  try {
    const beforeChanges = await hourlyCostBeforeChanges(lab);
    const toolCalls = await toolCallCosts(lab);
    const protocol = await protocolCosts(lab);
    const streams = await streamCosts(lab);
    return { toolCalls, protocol, streams, hours: await hourlyCosts(lab, beforeChanges) };
  } finally {
    await lab.close();
  }
}
