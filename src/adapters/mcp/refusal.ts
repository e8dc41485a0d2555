import type { JsonRpcId, McpReply, ProtocolProblem } from '../../ports/mcp-endpoint.ts';

export const STOPPING = 'This server is stopping. Whether the call took effect is unknown: call again.';

/** What is left to say to whoever waits for a call of a session that is gone. */
export const SESSION_ENDED = 'The session was ended while this call ran.';

/** @param requestId the request that is refused, where there is exactly one */
export function refused(problem: ProtocolProblem, message: string, requestId?: JsonRpcId): McpReply {
  return { kind: 'refused', problem, message, requestId };
}
