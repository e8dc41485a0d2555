import type { JsonRpcId, McpReply, ProtocolProblem } from '../../../ports/mcp-endpoint.ts';

export const STOPPING = 'This server is stopping. Whether the call took effect is unknown: call again.';

/** @param requestId the request that is refused, where there is exactly one */
export function refused(problem: ProtocolProblem, message: string, requestId?: JsonRpcId): McpReply {
  return { kind: 'refused', problem, message, requestId };
}
