import { PROTOCOL_VERSION_META_KEY, UnsupportedProtocolVersionError } from '@modelcontextprotocol/server';
import type { JsonRpcId } from '../../../ports/mcp-endpoint.ts';
import { isObject } from '../jsonrpc.ts';
import { SESSION_PROTOCOL_VERSIONS } from '../protocol-versions.ts';

/** The revision that a message says it is of (2026-07-28, Base Protocol, `_meta`). */
export function claimedVersion(message: unknown): unknown {
  const params = isObject(message) ? message['params'] : undefined;
  const meta = isObject(params) ? params['_meta'] : undefined;
  return isObject(meta) ? meta[PROTOCOL_VERSION_META_KEY] : undefined;
}

/** What a server that is only made for sessions answers to 2026-07-28, so that clients fall back to `initialize`. */
export function unsupportedRevision(body: unknown, id: JsonRpcId | undefined): Response {
  const requested = claimedVersion(body);
  const { code, message, data } = new UnsupportedProtocolVersionError({
    supported: [...SESSION_PROTOCOL_VERSIONS],
    requested: typeof requested === 'string' ? requested : 'unknown',
  });
  return Response.json({ jsonrpc: '2.0', id: id ?? null, error: { code, message, data } }, { status: 400 });
}
