import fc from 'fast-check';
import { MCP_HEADERS } from '../../support/service.ts';
import { REVISION } from '../../support/stateless-request.ts';
import { textOf } from './hostile.ts';
import type { WireRequest } from './wire.ts';

type Header = readonly [name: string, value: string];

export const JSON_HEADERS: readonly Header[] = [['Host', '127.0.0.1'], ...Object.entries(MCP_HEADERS)];

export function inSession(id: string, more: readonly Header[] = []): readonly Header[] {
  return [...JSON_HEADERS, ['Mcp-Session-Id', id], ...more];
}

/** The text of a message that was mutated, and what a parser makes of it. */
export function bodyOf(message: unknown): { readonly bytes: Uint8Array; readonly parsed: unknown } {
  const text = textOf(message);
  return { bytes: Buffer.from(text), parsed: JSON.parse(text) as unknown };
}

/** Headers as 2026-07-28 asks for them, of a message in which they may have no place any more. */
export function statelessHeaders(message: unknown): readonly Header[] {
  const { method, params } = Object(message) as { readonly method?: unknown; readonly params?: unknown };
  const { name, uri } = Object(params) as { readonly name?: unknown; readonly uri?: unknown };
  const named: readonly (readonly [string, unknown])[] = [
    ['MCP-Protocol-Version', REVISION],
    ['Mcp-Method', method],
    ['Mcp-Name', name ?? uri],
  ];
  const isText = (header: readonly [string, unknown]): header is Header =>
    typeof header[1] === 'string' && /^[\x20-\x7e]{1,1000}$/.test(header[1]);
  return [...JSON_HEADERS, ...named.filter(isText)];
}

export function postOf(headers: readonly Header[], body: Uint8Array): WireRequest {
  return { headers, body };
}

/** Whether the answer may be a stream without an end. */
export function listens(message: unknown): boolean {
  return (Object(message) as { readonly method?: unknown }).method === 'subscriptions/listen';
}

/** Text of any bytes but line breaks, which end a header: those are bytes of their own. */
const headerText = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
  fc.constantFrom(
    '',
    ' ',
    '%',
    '%00',
    ',',
    ';',
    '"',
    '\u0000',
    '\r\n',
    '\r',
    '\n',
    'x'.repeat(10_000),
    'x'.repeat(70_000),
  ),
);

/** What means something in each header, beside what means nothing. */
const MEANINGFUL: Readonly<Record<string, readonly string[]>> = {
  'Mcp-Session-Id': ['unknown', '__proto__', 'ref:x', '../../etc/passwd', '%'],
  'MCP-Protocol-Version': ['2025-11-25', '2025-03-26', REVISION, '2099-01-01', '1', 'null', '__proto__'],
  'Last-Event-ID': [
    'standalone-1',
    'inbound-1',
    'standalone-0',
    'call-0-0',
    '-1',
    '9007199254740993',
    '__proto__-1',
  ],
  'Mcp-Method': ['ping', 'tools/call', 'toString'],
  'Mcp-Name': ['store_value', 'toString'],
  Accept: ['*/*', 'application/*', 'text/event-stream', 'application/json;q=0', ', ,', ';;;'],
  'Content-Type': [
    'application/json; charset=utf-16',
    'text/plain',
    'application/json;',
    'multipart/form-data',
  ],
  'Content-Encoding': ['gzip', 'identity', 'identity, gzip'],
  'Content-Length': ['-1', '0', '1', '1e3', '99999999999999999999', 'x'],
  'Transfer-Encoding': ['chunked', 'gzip, chunked', 'identity', 'chunked, chunked'],
  Host: ['evil.example', 'localhost:1', '[::1]', '127.0.0.1@evil.example'],
  Origin: ['null', 'http://evil.example', 'http://localhost', 'file:', '//'],
  Connection: ['close', 'upgrade', 'keep-alive, Mcp-Session-Id'],
  Upgrade: ['websocket', 'h2c'],
  Expect: ['100-continue', 'x'],
  Authorization: ['Bearer x', 'Basic Og=='],
  Cookie: ['__proto__=1'],
  ['__proto__']: ['1'],
  constructor: ['1'],
  'X-Forwarded-For': ['127.0.0.1'],
};

/** One header, with what is at home there or anything else. */
export const hostileHeader: fc.Arbitrary<Header> = fc
  .oneof(
    fc.constantFrom('Mcp-Session-Id', 'MCP-Protocol-Version', 'Last-Event-ID'),
    fc.constantFrom(...Object.keys(MEANINGFUL)),
  )
  .chain((name) =>
    fc.tuple(
      fc.constant(name),
      fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...(MEANINGFUL[name] as string[])) }, headerText),
    ),
  );

export const VERBS = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT', 'PROPFIND'],
  ...['SEARCH', 'M-SEARCH', 'QUERY', 'get', 'FOO', '__proto__'],
];

export const TARGETS = [
  ...[
    '/mcp',
    '/mcp/',
    '/mcp?a=1',
    '//mcp',
    '/MCP',
    '/',
    '*',
    '/healthz',
    '/%',
    '/%00',
    '/mcp/../mcp',
    '/__proto__',
  ],
  ...['http://127.0.0.1/mcp', 'http://evil.example/mcp', 'mcp', '/mcp#a', '/\u00e9', `/${'x'.repeat(9_000)}`],
];
