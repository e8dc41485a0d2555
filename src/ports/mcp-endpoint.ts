import type { Principal } from '../domain/principal.ts';

/** Who sends a message, and in which session, as the transport's headers say. */
export interface McpCaller {
  /** `Mcp-Session-Id`. */
  readonly sessionId: string | undefined;
  /** `MCP-Protocol-Version`. */
  readonly protocolVersion: string | undefined;
  readonly principal: Principal | undefined;
}

/** Ways in which a message can break the protocol's rules. */
export type ProtocolProblem =
  | 'invalid_message'
  | 'session_id_required'
  | 'unsupported_protocol_version'
  | 'stopping';

export type JsonRpcId = string | number;

/** What becomes of a message, free of HTTP. */
export type McpReply =
  /** Nothing to answer: the message held no request. */
  | { readonly kind: 'accepted' }
  /** One JSON-RPC response, or an array of them for a batch. */
  | { readonly kind: 'answered'; readonly body: unknown; readonly sessionId?: string }
  | {
      readonly kind: 'refused';
      readonly problem: ProtocolProblem;
      readonly message: string;
      /** The request that is refused, where there is exactly one. */
      readonly requestId?: JsonRpcId | undefined;
    };

/**
 * The MCP endpoint, as an inbound adapter such as HTTP drives it. Throws the domain's errors: `SessionNotFound`,
 * `StoreUnavailable`, …
 */
export interface McpEndpoint {
  /** Takes the parsed JSON of one POST: a message, or a batch of them. */
  post(body: unknown, caller: McpCaller): Promise<McpReply>;

  /** Ends the caller's session with all its data. Answers `accepted` when it is gone. */
  terminate(caller: McpCaller): Promise<McpReply>;

  /**
   * Ends what still runs: each call is answered with an error that says so. Later messages are refused.
   */
  stop(): Promise<void>;
}
