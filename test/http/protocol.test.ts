import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/adapters/memory/store.ts';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import type { SessionRepository } from '../../src/ports/session-repository.ts';
import {
  initializeMessage,
  MCP_HEADERS,
  post,
  type TestService,
  testService,
  toolCall,
} from '../support/service.ts';

interface RpcBody {
  jsonrpc: string;
  id: unknown;
  result?: Record<string, unknown>;
  error?: { code: number; message: string; data?: { reason?: string } };
}

const PING = { jsonrpc: '2.0', id: 'p', method: 'ping' };

async function rpc(response: Response): Promise<RpcBody> {
  expect(response.headers.get('content-type')).toBe('application/json');
  return (await response.json()) as RpcBody;
}

async function open(service: TestService, protocolVersion = '2025-11-25'): Promise<string> {
  const response = await service.request('/mcp', post(initializeMessage({ protocolVersion })));
  expect(response.status).toBe(200);
  return response.headers.get('mcp-session-id') as string;
}

/** Asserts that a request is refused with this status and reason, as a JSON-RPC error without internals. */
async function refused(
  response: Response,
  status: number,
  reason: string,
  id: unknown = null,
): Promise<RpcBody> {
  const body = await rpc(response);
  expect({ status: response.status, id: body.id, reason: body.error?.data?.reason }).toEqual({
    status,
    id,
    reason,
  });
  expect(JSON.stringify(body)).not.toMatch(/\bat .*\.[jt]s:\d|node_modules/);
  return body;
}

/** `repository`, with the methods that `broken` holds at the time in place of its own. */
function replacing(
  repository: SessionRepository,
  broken: () => Partial<SessionRepository>,
): SessionRepository {
  return new Proxy(repository, {
    get: (target, name) => {
      const method = name as keyof SessionRepository;
      return broken()[method] ?? target[method].bind(target);
    },
  });
}

describe('initialize', () => {
  it('answers with JSON and a session id of visible ASCII', async () => {
    const service = testService();
    const response = await service.request('/mcp', post(initializeMessage()));
    expect(response.status).toBe(200);
    expect(response.headers.get('mcp-session-id')).toMatch(/^[\x21-\x7e]{43}$/);
    const body = await rpc(response);
    expect(body).toMatchObject({
      jsonrpc: '2.0',
      id: 1,
      result: {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'durable-mcp' },
      },
    });
  });

  it('gives every session another id', async () => {
    const service = testService();
    expect(await open(service)).not.toBe(await open(service));
  });

  it.each(['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])('agrees on %s', async (version) => {
    const service = testService();
    const body = await rpc(
      await service.request('/mcp', post(initializeMessage({ protocolVersion: version }))),
    );
    expect(body.result?.['protocolVersion']).toBe(version);
  });

  it('answers a version it does not know with the latest it knows', async () => {
    const service = testService();
    const response = await service.request(
      '/mcp',
      post(initializeMessage({ protocolVersion: '2099-01-01' })),
    );
    expect((await rpc(response)).result?.['protocolVersion']).toBe('2025-11-25');
    const info = await service.request(
      '/mcp',
      post(toolCall('session_info'), { 'Mcp-Session-Id': response.headers.get('mcp-session-id') as string }),
    );
    expect((await rpc(info)).result?.['structuredContent']).toMatchObject({ protocol_version: '2025-11-25' });
  });

  // Catches: a session that is stored before the server agreed to it.
  it('with invalid params opens no session', async () => {
    const service = testService();
    const response = await service.request('/mcp', post(initializeMessage({ clientInfo: 'nobody' })));
    expect(response.headers.get('mcp-session-id')).toBeNull();
    expect((await rpc(response)).error).toBeDefined();
  });

  // Catches: a limit that one store has and the other has not.
  it('with more params than a store can keep is refused', async () => {
    const service = testService();
    const name = (bytes: number): object => {
      const params = (text: string) => ({ clientInfo: { name: text, version: '1' } });
      const empty = JSON.stringify((initializeMessage(params('')) as { params: object }).params);
      return initializeMessage(params('x'.repeat(bytes - empty.length)));
    };
    expect((await service.request('/mcp', post(name(128 * 1024)))).status).toBe(200);
    const response = await service.request('/mcp', post(name(128 * 1024 + 1)));
    expect(response.headers.get('mcp-session-id')).toBeNull();
    const { error } = await refused(response, 400, 'invalid_argument', 1);
    expect(error?.message).toContain('131072');
  });

  it('is refused inside a session and in a batch', async () => {
    const service = testService();
    const id = await open(service, '2025-03-26');
    await refused(
      await service.request('/mcp', post(initializeMessage(), { 'Mcp-Session-Id': id })),
      400,
      'invalid_message',
      1,
    );
    await refused(await service.request('/mcp', post([initializeMessage()])), 400, 'invalid_message');
  });
});

describe('a session id', () => {
  it('is required: 400 without it', async () => {
    await refused(await testService().request('/mcp', post(PING)), 400, 'session_id_required', 'p');
  });

  it.each(['unknown', 'x'.repeat(256), '../../etc/passwd'])('that is unknown gets 404', async (id) => {
    await refused(
      await testService().request('/mcp', post(PING, { 'Mcp-Session-Id': id })),
      404,
      'session_not_found',
      'p',
    );
  });

  // Catches: an error text that echoes the id, which would carry the secret into logs.
  it('is never repeated in an error or a log', async () => {
    const service = testService();
    const secret = `secret-${'s'.repeat(36)}`;
    const response = await service.request('/mcp', post(PING, { 'Mcp-Session-Id': secret }));
    expect(await response.text()).not.toContain(secret);
    const id = await open(service);
    await service.request(
      '/mcp',
      post(toolCall('store_value', { key: 'k', value: 1 }), { 'Mcp-Session-Id': id }),
    );
    expect(service.logs.join('')).not.toContain(secret);
    expect(service.logs.join('')).not.toContain(id);
  });

  it('after DELETE gets 404, for every method', async () => {
    const service = testService();
    const id = await open(service);
    const headers = { 'Mcp-Session-Id': id };
    const deleted = await service.request('/mcp', { method: 'DELETE', headers });
    expect(deleted.status).toBe(200);
    await refused(await service.request('/mcp', post(PING, headers)), 404, 'session_not_found', 'p');
    await refused(await service.request('/mcp', { method: 'DELETE', headers }), 404, 'session_not_found');
  });

  it('is required for DELETE', async () => {
    await refused(await testService().request('/mcp', { method: 'DELETE' }), 400, 'session_id_required');
  });
});

describe('messages', () => {
  it('without a request are answered with 202 and no body', async () => {
    const service = testService();
    const headers = { 'Mcp-Session-Id': await open(service) };
    for (const message of [
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', id: 5, result: {} },
      { jsonrpc: '2.0', id: 5, error: { code: 1, message: 'no' } },
    ]) {
      const response = await service.request('/mcp', post(message, headers));
      expect(response.status).toBe(202);
      expect(await response.text()).toBe('');
    }
  });

  it('of a method that does not exist get a JSON-RPC error with status 200', async () => {
    const service = testService();
    const headers = { 'Mcp-Session-Id': await open(service) };
    const response = await service.request(
      '/mcp',
      post({ jsonrpc: '2.0', id: 0, method: 'no/such' }, headers),
    );
    expect(response.status).toBe(200);
    expect(await rpc(response)).toMatchObject({ id: 0, error: { code: -32601 } });
  });

  it.each([
    ['not JSON', '{"jsonrpc":', 'parse_error', null],
    ['empty', '', 'parse_error', null],
    ['null', 'null', 'invalid_message', null],
    ['a string', '"ping"', 'invalid_message', null],
    ['no jsonrpc', '{"id":1,"method":"ping"}', 'invalid_message', 1],
    ['jsonrpc 1.0', '{"jsonrpc":"1.0","id":1,"method":"ping"}', 'invalid_message', 1],
    ['a null id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', 'invalid_message', null],
    ['a fractional id', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', 'invalid_message', null],
    [
      'an id of 1,025 characters',
      JSON.stringify({ ...PING, id: 'x'.repeat(1_025) }),
      'invalid_message',
      null,
    ],
    [
      'params that are no object',
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}',
      'invalid_message',
      1,
    ],
    // The SDK drops these two without an answer, and their client would wait for ever.
    [
      '_meta that is no object',
      JSON.stringify({ ...PING, id: 1, params: { _meta: 'x' } }),
      'invalid_message',
      1,
    ],
    [
      'a progress token that is none',
      JSON.stringify({ ...PING, id: 1, params: { _meta: { progressToken: {} } } }),
      'invalid_message',
      1,
    ],
    ['neither method nor result', '{"jsonrpc":"2.0","id":1}', 'invalid_message', null],
    [
      'result and error',
      '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}',
      'invalid_message',
      null,
    ],
  ])('that are malformed (%s) get 400', async (_, body, reason, id) => {
    const service = testService();
    const headers = { 'Mcp-Session-Id': await open(service) };
    const { error } = await refused(await service.request('/mcp', post(body, headers)), 400, reason, id);
    expect(error?.code).toBe(reason === 'parse_error' ? -32700 : -32600);
  });

  // Catches: a decoder that replaces broken bytes, and so stores something else than was sent.
  it('in broken UTF-8 are refused', async () => {
    const body = Buffer.concat([
      Buffer.from('{"jsonrpc":"2.0","id":1,"method":"'),
      Buffer.from([0xff]),
      Buffer.from('"}'),
    ]);
    const service = testService();
    const init = { method: 'POST', headers: { ...MCP_HEADERS, 'Mcp-Session-Id': await open(service) }, body };
    await refused(await service.request('/mcp', init), 400, 'parse_error');
  });

  it('up to the body limit are read, and one byte more is 413', async () => {
    const service = testService({ config: { bodyBytes: 2_000 } });
    const headers = { 'Mcp-Session-Id': await open(service) };
    const body = (bytes: number): string => {
      const empty = JSON.stringify({ ...PING, params: { pad: '' } });
      return JSON.stringify({ ...PING, params: { pad: 'x'.repeat(bytes - empty.length) } });
    };
    expect((await service.request('/mcp', post(body(2_000), headers))).status).toBe(200);
    const { error } = await refused(
      await service.request('/mcp', post(body(2_001), headers)),
      413,
      'body_too_large',
    );
    expect(error?.message).toContain('2000 bytes');
  });
});

describe('batches', () => {
  it('are answered in a session of 2025-03-26', async () => {
    const service = testService();
    const headers = { 'Mcp-Session-Id': await open(service, '2025-03-26') };
    const response = await service.request(
      '/mcp',
      post(
        [PING, { jsonrpc: '2.0', method: 'notifications/initialized' }, toolCall('session_info', {}, 7)],
        headers,
      ),
    );
    expect(response.status).toBe(200);
    const bodies = (await response.json()) as RpcBody[];
    expect(bodies.map(({ id }) => id)).toEqual(['p', 7]);
    const notifications = [{ jsonrpc: '2.0', method: 'notifications/initialized' }];
    expect((await service.request('/mcp', post(notifications, headers))).status).toBe(202);
  });

  it.each(['2024-11-05', '2025-06-18', '2025-11-25'])('are refused in a session of %s', async (version) => {
    const service = testService();
    const headers = { 'Mcp-Session-Id': await open(service, version) };
    await refused(await service.request('/mcp', post([PING], headers)), 400, 'invalid_message');
  });

  it.each([[[]], [[PING, 1]], [Array.from({ length: 101 }, (_, id) => ({ ...PING, id }))]])(
    'that are empty, hold rubbish or more than 100 messages are refused whole',
    async (batch) => {
      const service = testService();
      const headers = { 'Mcp-Session-Id': await open(service, '2025-03-26') };
      await refused(await service.request('/mcp', post(batch, headers)), 400, 'invalid_message');
    },
  );
});

describe('headers', () => {
  it.each([
    undefined,
    'application/json',
    'text/event-stream',
    'text/html',
    'application/json;q=0, text/event-stream',
  ])('Accept: %s gets 406', async (accept) => {
    const headers = new Headers(MCP_HEADERS);
    if (accept === undefined) headers.delete('accept');
    else headers.set('accept', accept);
    const init = { method: 'POST', headers, body: JSON.stringify(initializeMessage()) };
    await refused(await testService().request('/mcp', init), 406, 'not_acceptable');
  });

  it.each(['text/event-stream , Application/JSON;q=0.9', '*/*', 'application/*, text/*'])(
    'Accept: %s is accepted',
    async (accept) => {
      const response = await testService().request('/mcp', post(initializeMessage(), { Accept: accept }));
      expect(response.status).toBe(200);
    },
  );

  it.each([
    'text/plain',
    'application/jsonp',
    'text/plain; a=application/json',
    'application/json; charset=latin1',
    '',
  ])('Content-Type: %s gets 415', async (type) => {
    const init = post(initializeMessage(), { 'Content-Type': type });
    await refused(await testService().request('/mcp', init), 415, 'unsupported_media_type');
  });

  it('Content-Type may name the charset, and Content-Encoding must not compress', async () => {
    const ok = post(initializeMessage(), { 'Content-Type': 'application/json; charset=UTF-8' });
    expect((await testService().request('/mcp', ok)).status).toBe(200);
    const zipped = post(initializeMessage(), { 'Content-Encoding': 'gzip' });
    await refused(await testService().request('/mcp', zipped), 415, 'unsupported_media_type');
  });

  it('MCP-Protocol-Version must be supported where it is given', async () => {
    const service = testService();
    const headers = { 'Mcp-Session-Id': await open(service) };
    for (const version of ['2025-11-25', '2025-06-18']) {
      const response = await service.request(
        '/mcp',
        post(PING, { ...headers, 'MCP-Protocol-Version': version }),
      );
      expect(response.status).toBe(200);
    }
    for (const version of ['2024-01-01', 'nonsense', '']) {
      const init = post(PING, { ...headers, 'MCP-Protocol-Version': version });
      await refused(await service.request('/mcp', init), 400, 'unsupported_protocol_version', 'p');
      const del = { method: 'DELETE', headers: { ...headers, 'MCP-Protocol-Version': version } };
      await refused(await service.request('/mcp', del), 400, 'unsupported_protocol_version');
    }
    expect((await service.request('/mcp', post(PING, headers))).status).toBe(200);
  });

  it.each(['PUT', 'PATCH', 'OPTIONS'])('%s gets 405 with Allow', async (method) => {
    const response = await testService().request('/mcp', {
      method,
      headers: { Accept: 'text/event-stream' },
    });
    expect(response.headers.get('allow')).toBe('GET, POST, DELETE');
    await refused(response, 405, 'method_not_allowed');
  });
});

describe('exposure', () => {
  const init = (headers: Record<string, string>): RequestInit => post(initializeMessage(), headers);

  it.each([
    'evil.example',
    'evil.example:8060',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '169.254.169.254',
  ])('Host: %s gets 403', async (host) => {
    await refused(await testService().request('/mcp', init({ Host: host })), 403, 'host_not_allowed');
  });

  it.each(['localhost', 'LOCALHOST:8060', '127.0.0.1:1', '[::1]:8060'])(
    'Host: %s is this machine',
    async (host) => {
      expect((await testService().request('/mcp', init({ Host: host }))).status).toBe(200);
    },
  );

  it.each([
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'file://localhost',
    'http://127.0.0.1@evil.example',
  ])('Origin: %s gets 403, for every method', async (origin) => {
    for (const method of ['POST', 'GET', 'DELETE']) {
      const response = await testService().request('/mcp', {
        ...(method === 'POST' ? init({ Origin: origin }) : { headers: { Origin: origin } }),
        method,
      });
      await refused(response, 403, 'origin_not_allowed');
    }
  });

  it('allows what the configuration names, and only that', async () => {
    const environment = {
      ALLOWED_HOSTS: 'mcp.example.com, other.example:81',
      ALLOWED_ORIGINS: 'https://app.example.com',
    };
    const service = testService({ environment });
    const ok = init({ Host: 'mcp.example.com:443', Origin: 'https://app.example.com' });
    expect((await service.request('/mcp', ok)).status).toBe(200);
    expect((await service.request('/mcp', init({ Host: 'other.example:81' }))).status).toBe(200);
    await refused(await service.request('/mcp', init({ Host: 'other.example:82' })), 403, 'host_not_allowed');
    await refused(
      await service.request('/mcp', init({ Origin: 'http://app.example.com' })),
      403,
      'origin_not_allowed',
    );
  });
});

describe('health', () => {
  it('is told under any Host', async () => {
    const service = testService();
    for (const path of ['/healthz', '/readyz']) {
      expect((await service.request(path, { headers: { Host: '10.0.0.1' } })).status).toBe(200);
    }
  });

  it('is not ready while it drains or while the store does not answer, but lives', async () => {
    const store = memoryStore();
    let down = false;
    const service = testService({
      store: {
        ...store,
        check: async () => {
          if (down) throw new StoreUnavailable();
        },
      },
    });
    down = true;
    expect((await service.request('/readyz')).status).toBe(503);
    down = false;
    expect((await service.request('/readyz')).status).toBe(200);
    service.service.mcp.drain();
    expect((await service.request('/readyz')).status).toBe(503);
    expect((await service.request('/healthz')).status).toBe(200);
  });
});

describe('a store that is down', () => {
  // Catches: an error that is swallowed into `stored: true`.
  it('is 503 with Retry-After where no tool runs yet, and an isError result inside one', async () => {
    const store = memoryStore();
    const down = async (): Promise<never> => {
      throw new StoreUnavailable({ cause: new Error('password=hunter2 refused') });
    };
    let broken: Partial<SessionRepository> = {};
    const service = testService({ store: { ...store, sessions: replacing(store.sessions, () => broken) } });
    const headers = { 'Mcp-Session-Id': await open(service) };

    broken = { create: down };
    const opened = await service.request('/mcp', post(initializeMessage()));
    expect(opened.headers.get('retry-after')).toBe('1');
    expect(opened.headers.get('mcp-session-id')).toBeNull();
    await refused(opened, 503, 'store_unavailable', 1);

    broken = { storeValue: down, readValue: down, deleteValue: down, listValues: down, find: down };
    for (const call of [
      toolCall('store_value', { key: 'k', value: 1 }),
      toolCall('get_value', { key: 'k' }),
      toolCall('delete_value', { key: 'k' }),
      toolCall('list_values'),
      toolCall('session_info'),
    ]) {
      const response = await service.request('/mcp', post(call, headers));
      expect(response.status).toBe(200);
      const { result } = await rpc(response);
      expect(result).toMatchObject({
        isError: true,
        content: [{ text: expect.stringContaining('unavailable') }],
      });
      expect(JSON.stringify(result)).not.toContain('hunter2');
    }
    broken = { delete: down };
    await refused(await service.request('/mcp', { method: 'DELETE', headers }), 503, 'store_unavailable');
    broken = {};
    expect((await service.request('/mcp', post(PING, headers))).status).toBe(200);
  });

  it('a bug is 500 or an isError result with a reference to the log, and nothing else', async () => {
    const store = memoryStore();
    const bug = async (): Promise<never> => {
      throw new TypeError('secret internals');
    };
    let broken: Partial<SessionRepository> = {};
    const service = testService({ store: { ...store, sessions: replacing(store.sessions, () => broken) } });
    const headers = { 'Mcp-Session-Id': await open(service) };
    broken = { create: bug, storeValue: bug };
    const { error } = await refused(
      await service.request('/mcp', post(initializeMessage())),
      500,
      'internal',
      1,
    );
    const reference = /Reference: ([\w-]{36})/.exec(error?.message ?? '')?.[1] as string;
    expect(service.logs.join('')).toContain(reference);
    const call = await service.request(
      '/mcp',
      post(toolCall('store_value', { key: 'k', value: 1 }), headers),
    );
    const text = JSON.stringify(await rpc(call));
    expect(text).toMatch(/"isError":true/);
    expect(text).not.toContain('secret internals');
    expect(service.logs.join('')).toContain('secret internals');
  });
});
