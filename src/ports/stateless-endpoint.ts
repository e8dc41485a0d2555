import type { Principal } from '../domain/principal.ts';
import type { McpReply } from './mcp-endpoint.ts';

/** Ends the connection to a client in the midst of its answer, of which it has the beginning already. */
export type BreakOff = (reason: unknown) => void;

/**
 * The MCP endpoint of 2026-07-28, as an inbound adapter drives it: each request stands for itself, and its headers
 * are part of the protocol.
 */
export interface StatelessEndpoint {
  /** Whether the request is one of that revision, or means to be. */
  serves(request: Request, body: unknown): Promise<boolean>;

  /**
   * Answers a POST, in HTTP where the protocol says how.
   * @param body the request's, parsed
   * @param breakOff called where an answer that is a stream cannot be completed; without it, the stream fails
   * @throws what the author's server factory threw
   */
  answer(
    request: Request,
    body: unknown,
    principal: Principal | undefined,
    breakOff?: BreakOff,
  ): Promise<Response | McpReply>;
}
