import type { Transport } from '@modelcontextprotocol/server';
import type { CallerSession } from './caller-session.ts';

/** What is asked of an SDK server: `McpServer` and `Server` of either SDK generation have it. */
export interface ConnectableServer {
  connect(transport: Transport): Promise<void>;
  close(): Promise<void>;
}

/**
 * Makes a server. Called once per session and instance, and again after a restart, for clients of the revisions up
 * to 2025-11-25; and once per request for those of 2026-07-28, if it makes servers of the SDK
 * `@modelcontextprotocol/server`.
 */
export type ServerFactory = (session: CallerSession) => ConnectableServer | Promise<ConnectableServer>;
