import type { Principal } from '../domain/principal.ts';
import type { RequestId } from '../domain/request-id.ts';

/** What a handler may want to know of the request that carried a message. */
export interface RequestInfo {
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly url: URL;
}

/** Who sends a message, and in which session, as the transport's headers say. */
export interface McpCaller {
  /** `Mcp-Session-Id`. */
  readonly sessionId: string | undefined;
  /** `MCP-Protocol-Version`. */
  readonly protocolVersion: string | undefined;
  readonly principal: Principal | undefined;
  readonly request?: RequestInfo | undefined;
}

/** Ways in which a message can break the protocol's rules. */
export type ProtocolProblem =
  | 'invalid_message'
  | 'session_id_required'
  | 'unsupported_protocol_version'
  | 'unknown_event_id'
  | 'stopping';

export type JsonRpcId = RequestId;

/** One event of a stream to a client, as server-sent events have it. */
export interface StreamEvent {
  /** What the client may resume from. */
  readonly id?: string;
  /** JSON-RPC, as JSON text; empty to prime the client with an id. Absent where only `retryMs` is said. */
  readonly data?: string;
  /** How long the client is to wait before it connects again. Milliseconds. */
  readonly retryMs?: number;
}

/** One connection of a client to a stream. */
export interface EventStream {
  /**
   * The next events, when there is one: as many as are at hand, in their order. `undefined` once the connection is to
   * be closed. Called by one reader.
   */
  next(): Promise<readonly StreamEvent[] | undefined>;
  /** The client is gone. */
  close(): void;
}

/** What becomes of a message, free of HTTP. */
export type McpReply =
  /** Nothing to answer: the message held no request. */
  | { readonly kind: 'accepted' }
  /** One JSON-RPC response, or an array of them for a batch. */
  | { readonly kind: 'answered'; readonly body: unknown; readonly sessionId?: string }
  /** The stream that was to be resumed has ended, and its client has all of it: it is to ask for no more. */
  | { readonly kind: 'finished' }
  /** Messages as they come, the responses among them. */
  | { readonly kind: 'streamed'; readonly events: EventStream }
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

  /**
   * Opens the stream of the caller's session, or resumes any of its streams.
   * @param lastEventId the last event that the client has of the stream that it resumes
   */
  listen(caller: McpCaller, lastEventId: string | undefined): Promise<McpReply>;

  /** Ends the caller's session with all its data. Answers `accepted` when it is gone. */
  terminate(caller: McpCaller): Promise<McpReply>;

  /**
   * Ends all connections to streams, each in a way that lets its client resume on another instance. What runs goes
   * on; later streams are ended as soon as their client can resume them.
   */
  endStreams(): void;

  /** Resolves when no call runs. */
  idle(): Promise<void>;

  /**
   * Ends what still runs: each call is answered with an error that says so. Later messages are refused.
   */
  stop(): Promise<void>;
}
