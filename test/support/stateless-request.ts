import { post } from './service.ts';

export const REVISION = '2026-07-28';

/** What every request of 2026-07-28 says of itself (Base Protocol, `_meta`). */
export function envelope(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    'io.modelcontextprotocol/protocolVersion': REVISION,
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
    ...overrides,
  };
}

/** A request of 2026-07-28 as a client must send it. An `undefined` header is left out. */
export function statelessPost(
  method: string,
  params: Record<string, unknown> = {},
  headers: Record<string, string | undefined> = {},
): RequestInit {
  const { name = params['uri'], _meta = envelope() } = params;
  const all = {
    'MCP-Protocol-Version': REVISION,
    'Mcp-Method': method,
    ...(typeof name === 'string' ? { 'Mcp-Name': name } : {}),
    ...headers,
  };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return post({ jsonrpc: '2.0', id: 7, method, params: { ...params, _meta } }, Object.fromEntries(given));
}

export function statelessCall(name: string, args: Record<string, unknown> = {}): RequestInit {
  return statelessPost('tools/call', { name, arguments: args });
}
