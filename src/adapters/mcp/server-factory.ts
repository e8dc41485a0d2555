import type { Transport } from '@modelcontextprotocol/server';
import type { CallerSession } from './caller-session.ts';
import type { JsonRpcRequest, JsonRpcResponse } from './jsonrpc.ts';

/** What is asked of an SDK server: `McpServer` and `Server` of either SDK generation have it. */
export interface ConnectableServer {
  connect(transport: Transport): Promise<void>;
  close(): Promise<void>;
  /**
   * Answers a request of a session by itself, where the server can do so without the SDK: neither cancelled nor
   * notifying. What the SDK has ready for each call, such as schemas, an abort signal and a context, costs as much as
   * all the rest of a call that needs none of it.
   * @returns `undefined` for what goes to the SDK
   */
  answer?(request: JsonRpcRequest): Promise<JsonRpcResponse> | undefined;
}

/**
 * Makes a server. Called once per session and instance, and again after a restart, for clients of the revisions up
 * to 2025-11-25; and once per request for those of 2026-07-28, if it makes servers of the SDK
 * `@modelcontextprotocol/server`.
 */
export type ServerFactory = (session: CallerSession) => ConnectableServer | Promise<ConnectableServer>;
