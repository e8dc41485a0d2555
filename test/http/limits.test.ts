import { describe, expect, it } from 'vitest';
import { MESSAGE_DEPTH } from '../../src/domain/limits.ts';
import { initializeMessage, post, type TestService, testService, toolCall } from '../support/service.ts';
import { statelessPost } from '../support/stateless-request.ts';

const PING = { jsonrpc: '2.0', id: 'p', method: 'ping' };

async function open(service: TestService, protocolVersion = '2025-11-25'): Promise<Record<string, string>> {
  const response = await service.request('/mcp', post(initializeMessage({ protocolVersion })));
  return { 'Mcp-Session-Id': response.headers.get('mcp-session-id') as string };
}

async function answer(response: Response): Promise<{ status: number; id: unknown; said: string }> {
  const { id, error, result } = (await response.json()) as {
    id: unknown;
    error?: { message: string };
    result?: { isError?: boolean; content: [{ text: string }] };
  };
  return {
    status: response.status,
    id,
    said: error?.message ?? (result?.isError ? result.content[0].text : ''),
  };
}

/** JSON text of arrays in arrays, which nothing here has to recurse into to write it. */
function nested(levels: number): string {
  return `${'['.repeat(levels)}${']'.repeat(levels)}`;
}

describe('a header that names something', () => {
  it.each(['Mcp-Session-Id', 'Last-Event-ID', 'MCP-Protocol-Version'])(
    'may have 256 characters, and one more is refused: %s',
    async (name) => {
      const service = testService();
      const given = await open(service);
      const get = (length: number): Promise<Response> =>
        service.request('/mcp', {
          headers: { Accept: 'text/event-stream', ...given, [name]: 'x'.repeat(length) },
        });
      const atLimit = await answer(await get(256));
      expect(atLimit.said).not.toMatch(/characters/);
      const beyond = await answer(await get(257));
      expect(beyond).toMatchObject({
        status: 400,
        said: `${name}: is 257 characters long, at most 256 are allowed`,
      });
    },
  );

  it('is refused with the id of the request that it came with', async () => {
    const response = await testService().request('/mcp', post(PING, { 'Mcp-Session-Id': 'x'.repeat(257) }));
    expect(await answer(response)).toMatchObject({ status: 400, id: 'p' });
  });
});

describe('a message', () => {
  const TOO_DEEP = `message: is nested too deeply, at most ${MESSAGE_DEPTH} levels are allowed`;
  /** Levels of arrays in `params`, which is itself two levels down. */
  const deep = (levels: number): string =>
    JSON.stringify({ ...PING, params: { deep: 0 } }).replace(':0', `:${nested(levels)}`);

  // Catches: a limit that is looked at after something has recursed into the message, whose stack then overflows.
  it.each([MESSAGE_DEPTH - 1, 100_000])('of %i levels too many is refused', async (levels) => {
    const service = testService();
    const headers = await open(service);
    expect(await answer(await service.request('/mcp', post(deep(levels), headers)))).toEqual({
      status: 400,
      id: 'p',
      said: TOO_DEEP,
    });
    const init = statelessPost('tools/list', { deep: 0 });
    const body = String(init.body).replace('"deep":0', `"deep":${nested(levels)}`);
    expect(await answer(await service.request('/mcp', { ...init, body }))).toMatchObject({
      status: 400,
      said: TOO_DEEP,
    });
    const batch = `[${deep(levels - 1)}]`;
    const earlier = await open(service, '2025-03-26');
    expect(await answer(await service.request('/mcp', post(batch, earlier)))).toMatchObject({
      said: TOO_DEEP,
    });
  });

  it('as deep as is allowed is answered', async () => {
    const service = testService();
    const headers = await open(service);
    expect((await service.request('/mcp', post(deep(MESSAGE_DEPTH - 2), headers))).status).toBe(200);
  });

  // Catches: a limit of messages that is reached before that of values, which is told in words of its own.
  it('whose value is too deep is answered in words of that', async () => {
    const service = testService();
    const headers = await open(service);
    const store = async (levels: number): Promise<string> => {
      const body = JSON.stringify(toolCall('store_value', { key: 'k', value: 0 }));
      const init = post(body.replace('"value":0', `"value":${nested(levels)}`), headers);
      return (await answer(await service.request('/mcp', init))).said;
    };
    expect(await store(100)).toBe('');
    expect(await store(101)).toMatch(/^value: is nested too deeply, at most 100 levels/);
  });
});

describe('a batch', () => {
  it('of 100 messages is answered, and one of 101 refused whole', async () => {
    const service = testService();
    const headers = await open(service, '2025-03-26');
    const batch = (length: number): object[] => Array.from({ length }, (_, id) => ({ ...PING, id }));
    const answers = await (await service.request('/mcp', post(batch(100), headers))).json();
    expect(answers).toHaveLength(100);
    expect(await answer(await service.request('/mcp', post(batch(101), headers)))).toMatchObject({
      status: 400,
      said: expect.stringContaining('1 to 100 messages'),
    });
  });
});
