import { envelope } from '../../support/stateless-request.ts';

/** A valid message, loosely: it is there to be mutated. */
export interface Message {
  readonly jsonrpc: '2.0';
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: unknown;
}

const RESOURCE = { uri: 'test://static-text' };
const PROMPT = { name: 'test_simple_prompt' };
const COMPLETION = {
  ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
  argument: { name: 'arg1', value: 'a' },
};

/** Calls of each tool of the service. What needs a session may be given one that nobody has. */
const CALLS: readonly [name: string, args: Readonly<Record<string, unknown>>][] = [
  ['open_session', { ttl_seconds: 60 }],
  ['close_session', { session_id: 'nobody-has-this-one' }],
  ['store_value', { key: 'k', value: { a: [1] }, expected_version: 0, idempotency_key: 'i' }],
  ['store_value', { key: 'k', value: 'v' }],
  ['get_value', { key: 'k' }],
  ['delete_value', { key: 'k', expected_version: 1 }],
  ['list_values', { prefix: 'k', limit: 10, cursor: 'k' }],
  ['list_values', {}],
  ['session_info', {}],
];

/** Those of both eras. */
const REQUESTS: readonly [method: string, params?: Readonly<Record<string, unknown>>][] = [
  ...CALLS.map(([name, args]) => ['tools/call', { name, arguments: args }] as const).map(
    ([method, params]): [string, Readonly<Record<string, unknown>>] => [method, params],
  ),
  ['tools/list', { cursor: 'c' }],
  ['tools/call', { name: 'test_simple_text', arguments: {} }],
  ['tools/call', { name: 'test_error_handling', arguments: {} }],
  ['resources/list', {}],
  ['resources/templates/list', {}],
  ['resources/read', RESOURCE],
  ['prompts/list', {}],
  ['prompts/get', PROMPT],
  ['prompts/get', { name: 'test_prompt_with_arguments', arguments: { arg1: 'a', arg2: 'b' } }],
  ['completion/complete', COMPLETION],
];

const INITIALIZE = {
  protocolVersion: '2025-11-25',
  capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: {} },
  clientInfo: { name: 'fuzz', version: '1', title: 'Fuzz' },
};

const request = ([method, params]: readonly [string, Readonly<Record<string, unknown>>?]): Message => ({
  jsonrpc: '2.0',
  id: 7,
  method,
  ...(params === undefined ? {} : { params }),
});
const notification = (method: string, params?: Readonly<Record<string, unknown>>): Message => ({
  jsonrpc: '2.0',
  method,
  ...(params === undefined ? {} : { params }),
});

/** What a client may send in a session, of each kind one at least. */
export const IN_SESSION: readonly Message[] = [
  ...REQUESTS.map(request),
  request(['ping']),
  request(['tools/call', { name: 'session_info', arguments: {}, _meta: { progressToken: 'p' } }]),
  request(['logging/setLevel', { level: 'debug' }]),
  request(['resources/subscribe', RESOURCE]),
  request(['resources/unsubscribe', RESOURCE]),
  notification('notifications/initialized'),
  notification('notifications/cancelled', { requestId: 7, reason: 'r' }),
  notification('notifications/progress', { progressToken: 'p', progress: 1, total: 2 }),
  notification('notifications/roots/list_changed'),
  { jsonrpc: '2.0', id: 7, result: { action: 'accept', content: { answer: 'a' } } },
  { jsonrpc: '2.0', id: '0123456789abcdef-1', result: { roots: [] } },
  { jsonrpc: '2.0', id: 7, error: { code: -32_601, message: 'm', data: {} } },
];

/** Opens a session. */
export const INITIALIZE_REQUEST: Message = request(['initialize', INITIALIZE]);

/** What a client of 2026-07-28 may send. */
export const STATELESS: readonly Message[] = [
  ...REQUESTS,
  ['server/discover', {}] as const,
  [
    'subscriptions/listen',
    { notifications: { toolsListChanged: true, resourceSubscriptions: ['test://a'] } },
  ] as const,
].map(([method, params]) => request([method, { ...params, _meta: envelope() }]));
