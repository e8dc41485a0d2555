import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/server';

/** The only revision with JSON-RPC batches: 2025-03-26 added them, 2025-06-18 removed them. */
export const BATCH_PROTOCOL_VERSION = '2025-03-26';

/** Revisions that are served over `Mcp-Session-Id`. */
export const SESSION_PROTOCOL_VERSIONS: readonly string[] = SUPPORTED_PROTOCOL_VERSIONS;

/**
 * Whether clients of a revision understand an event without data, which gives them an id to resume from before
 * there is a message (2025-11-25, Sending Messages to the Server, 6).
 */
export function primes(protocolVersion: string | undefined): boolean {
  return protocolVersion !== undefined && protocolVersion >= '2025-11-25';
}
