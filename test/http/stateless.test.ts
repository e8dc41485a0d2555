import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/adapters/memory/store.ts';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import { initializeMessage, post, type TestService, testService, toolCall } from '../support/service.ts';
import { envelope, statelessCall, statelessPost } from '../support/stateless-request.ts';

interface RpcBody {
  readonly id: unknown;
  readonly result?: Record<string, unknown> & {
    readonly structuredContent?: Record<string, unknown>;
    readonly content?: readonly { readonly text: string }[];
    readonly isError?: boolean;
    readonly tools?: readonly {
      readonly name: string;
      readonly inputSchema: { readonly required?: string[] };
    }[];
  };
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: Record<string, unknown>;
  };
}

async function answer(service: TestService, init: RequestInit): Promise<RpcBody & { status: number }> {
  const response = await service.request('/mcp', init);
  return { status: response.status, ...((await response.json()) as RpcBody) };
}

async function openSession(service: TestService, args: Record<string, unknown> = {}): Promise<string> {
  const { result } = await answer(service, statelessCall('open_session', args));
  return String(result?.structuredContent?.['session_id']);
}

describe('2026-07-28', () => {
  it('is discovered, with how long the answer may be kept', async () => {
    const { status, result } = await answer(testService(), statelessPost('server/discover'));
    expect(status).toBe(200);
    expect(result).toMatchObject({
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      resultType: 'complete',
      ttlMs: 300_000,
      cacheScope: 'public',
    });
  });

  // Catches: a handler for whatever has none, whose errors the SDK takes for answers, with status 200.
  it.each(['no/such', 'prompts/list'])('answers the unknown method %s with 404', async (method) => {
    expect(await answer(testService(), statelessPost(method))).toMatchObject({
      status: 404,
      error: { code: -32_601 },
    });
  });

  // Catches: a session of a connection that the protocol does not know, and a list that varies by it.
  it('lists tools that need a session_id, and gives out no Mcp-Session-Id', async () => {
    const response = await testService().request('/mcp', statelessPost('tools/list'));
    expect(response.headers.get('mcp-session-id')).toBeNull();
    const { tools = [], ...result } = ((await response.json()) as RpcBody).result ?? {};
    expect(result).toMatchObject({ ttlMs: 300_000, cacheScope: 'public' });
    const needing = tools.filter(({ inputSchema }) => inputSchema.required?.includes('session_id'));
    expect(needing.map(({ name }) => name)).toEqual([
      'close_session',
      'store_value',
      'get_value',
      'delete_value',
      'list_values',
      'session_info',
    ]);
    expect(tools[0]?.name).toBe('open_session');
  });

  it.each([
    ['MCP-Protocol-Version is missing', { 'MCP-Protocol-Version': undefined }],
    ['MCP-Protocol-Version differs', { 'MCP-Protocol-Version': '2025-11-25' }],
    ['Mcp-Method is missing', { 'Mcp-Method': undefined }],
    ['Mcp-Method differs', { 'Mcp-Method': 'tools/list' }],
    ['Mcp-Name is missing', { 'Mcp-Name': undefined }],
    ['Mcp-Name differs', { 'Mcp-Name': 'get_value' }],
  ])('refuses a call whose header %s', async (_, headers) => {
    const params = { name: 'open_session', arguments: {} };
    const { status, id, error } = await answer(testService(), statelessPost('tools/call', params, headers));
    expect({ status, id, code: error?.code }).toEqual({ status: 400, id: 7, code: -32_020 });
  });

  it('names its revisions to a client of one that is to come', async () => {
    const _meta = envelope({ 'io.modelcontextprotocol/protocolVersion': '2099-01-01' });
    const init = statelessPost('tools/list', { _meta }, { 'MCP-Protocol-Version': '2099-01-01' });
    const { status, error } = await answer(testService(), init);
    expect({ status, code: error?.code, supported: error?.data?.['supported'] }).toEqual({
      status: 400,
      code: -32_022,
      supported: ['2026-07-28'],
    });
  });

  // Catches: a number that is answered as the one that JavaScript rounds it to, and an echo without a bound.
  it.each([
    ['beyond the whole numbers', '9007199254740993'],
    ['of 1,025 characters', JSON.stringify('x'.repeat(1_025))],
  ])('refuses an id %s', async (_, id) => {
    const init = statelessPost('tools/list');
    const body = String(init.body).replace('"id":7', `"id":${id}`);
    expect(await answer(testService(), { ...init, body })).toMatchObject({
      status: 400,
      id: null,
      error: { code: -32_600, data: { reason: 'invalid_message' } },
    });
  });

  it('knows no method of the older revisions', async () => {
    const { status, error } = await answer(testService(), statelessPost('initialize'));
    expect({ status, code: error?.code }).toEqual({ status: 404, code: -32_601 });
  });

  // Catches: a client that has every change compared with a list as long as it likes.
  it('listens for no more resources than a session may subscribe to', async () => {
    const service = testService();
    const listen = (bytes: number) => {
      const length = bytes - JSON.stringify({ resourceSubscriptions: [''] }).length;
      const notifications = { resourceSubscriptions: ['x'.repeat(length)] };
      return service.request('/mcp', statelessPost('subscriptions/listen', { notifications }));
    };
    const taken = await listen(65_536);
    expect(taken.status).toBe(200);
    await taken.body?.cancel();
    const refused = await listen(65_537);
    const { id, error } = (await refused.json()) as RpcBody;
    expect({ status: refused.status, id, code: error?.code }).toEqual({ status: 400, id: 7, code: -32_602 });
    expect(error?.message).toBe('notifications: must have at most 65536 bytes as JSON');
  });

  it.each(['GET', 'DELETE'])('has no %s', async (method) => {
    const headers = { 'MCP-Protocol-Version': '2026-07-28', Accept: 'text/event-stream' };
    const response = await testService().request('/mcp', { method, headers });
    expect({ status: response.status, allow: response.headers.get('allow') }).toEqual({
      status: 405,
      allow: 'POST',
    });
  });

  // Catches: a client that is sent to look for a session id, which its revision does not have.
  it.each([
    ['batch', [{ jsonrpc: '2.0', id: 7, method: 'ping' }]],
    ['response', { jsonrpc: '2.0', id: 7, result: {} }],
  ])('has no %s', async (_, message) => {
    const init = post(message, { 'MCP-Protocol-Version': '2026-07-28' });
    const { status, error } = await answer(testService(), init);
    expect({ status, reason: error?.data?.['reason'] }).toEqual({
      status: 400,
      reason: 'unsupported_protocol_version',
    });
    expect(error?.message).toContain('not supported with sessions');
  });
});

describe('a handle', () => {
  it('is opened with values, and is the same in both eras', async () => {
    const service = testService();
    const handle = await openSession(service, { values: { a: { b: [1] } } });
    const init = await service.request('/mcp', post(initializeMessage()));
    const headers = { 'Mcp-Session-Id': init.headers.get('mcp-session-id') as string };
    const read = post(toolCall('get_value', { key: 'a', session_id: handle }), headers);
    expect((await answer(service, read)).result?.structuredContent).toMatchObject({ value: { b: [1] } });
    await service.request('/mcp', post(toolCall('store_value', { key: 'own', value: 1 }), headers));
    // The session of a connection is a handle as any other.
    const own = statelessCall('get_value', { session_id: headers['Mcp-Session-Id'], key: 'own' });
    expect((await answer(service, own)).result?.structuredContent).toMatchObject({ value: 1 });
    const elsewhere = statelessCall('get_value', { session_id: handle, key: 'own' });
    expect((await answer(service, elsewhere)).result?.structuredContent).toMatchObject({ found: false });
  });

  it.each(['store_value', 'get_value', 'list_values', 'session_info', 'close_session'])(
    'is asked for by %s in words that say where it comes from',
    async (tool) => {
      const args = tool === 'store_value' ? { key: 'k', value: 1 } : tool === 'get_value' ? { key: 'k' } : {};
      const { result } = await answer(testService(), statelessCall(tool, args));
      expect(result?.isError).toBe(true);
      expect(result?.content?.[0]?.text).toBe(
        `${tool}: session_id is missing: call open_session for a session, and pass its session_id with each call`,
      );
    },
  );

  it('that is unknown or closed is an error of the tool that says what to call', async () => {
    const service = testService();
    const closed = await openSession(service);
    expect(
      (await answer(service, statelessCall('close_session', { session_id: closed }))).result,
    ).toMatchObject({
      structuredContent: { closed: true },
    });
    for (const handle of [closed, 'nonsense', `ref:${closed}`]) {
      for (const tool of ['get_value', 'session_info', 'close_session']) {
        const args = { session_id: handle, ...(tool === 'get_value' ? { key: 'k' } : {}) };
        const { status, result } = await answer(service, statelessCall(tool, args));
        expect({ status, isError: result?.isError }).toEqual({ status: 200, isError: true });
        expect(result?.content?.[0]?.text).toBe(
          'This session has expired or does not exist. Its data is gone: call open_session for a new one, and pass ' +
            'its session_id from then on.',
        );
      }
    }
  });

  it.each([
    [{ ttl_seconds: 0 }, 'open_session: ttl_seconds must be a whole number of at least 1'],
    [
      { ttl_seconds: 30 * 86_400 + 1 },
      'ttl_seconds: must be at most 2592000, which is how long a session lives in all',
    ],
    [{ values: [1] }, 'values: must be a JSON object, each member a key with its value'],
    [{ ttl_seconds: 'x' }, 'open_session: ttl_seconds must be a whole number of at least 1'],
    [
      { values: Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`k${index}`, 1])) },
      'values: a session is opened with at most 1000, but these are 1001: store the rest one by one',
    ],
    [{ values: { '': 1 } }, 'values: must not be empty: give it 1 to 256 characters'],
    [{ nonsense: 1 }, 'open_session: unknown argument "nonsense": this tool takes ttl_seconds, values'],
  ])('is not opened with %j', async (args, text) => {
    const store = memoryStore();
    const { result } = await answer(testService({ store }), statelessCall('open_session', args));
    expect(result).toMatchObject({ isError: true, content: [{ text }] });
  });

  // Catches: a session that holds some of its values, and whose id nobody has.
  it('is not left behind when one of its values cannot be stored', async () => {
    const store = memoryStore();
    const deleted: unknown[] = [];
    const sessions = new Proxy(store.sessions, {
      get: (target, name: keyof typeof store.sessions) => {
        if (name === 'storeValue') return () => Promise.reject(new StoreUnavailable());
        if (name !== 'delete') return target[name].bind(target);
        return (ref: never, now: number) => {
          deleted.push(ref);
          return target.delete(ref, now);
        };
      },
    });
    const service = testService({ store: { ...store, sessions } });
    const { result } = await answer(service, statelessCall('open_session', { values: { a: 1 } }));
    expect(result?.isError).toBe(true);
    expect(deleted).toHaveLength(1);
  });

  it('keeps a key called __proto__ that it was opened with', async () => {
    const service = testService();
    const args = JSON.parse('{"values":{"__proto__":{"polluted":1}}}') as Record<string, unknown>;
    const session_id = await openSession(service, args);
    const { result } = await answer(service, statelessCall('get_value', { session_id, key: '__proto__' }));
    expect(result?.structuredContent).toMatchObject({ found: true, value: { polluted: 1 } });
  });
});
