import { SUPPORTED_PROTOCOL_VERSIONS } from '@modelcontextprotocol/sdk/types.js';

/** The only revision with JSON-RPC batches: 2025-03-26 added them, 2025-06-18 removed them. */
export const BATCH_PROTOCOL_VERSION = '2025-03-26';

/** Revisions that are served over `Mcp-Session-Id`. */
export const SESSION_PROTOCOL_VERSIONS: readonly string[] = SUPPORTED_PROTOCOL_VERSIONS;
