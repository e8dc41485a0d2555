import { createRequire } from 'node:module';
import { McpServer as FirstGenerationServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { McpServer, type Server } from '@modelcontextprotocol/server';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import { eventually } from '../contract/fixtures.ts';
import { library } from '../support/library.ts';
import { initializeMessage, post } from '../support/service.ts';
import { statelessCall, statelessPost } from '../support/stateless-request.ts';

interface ErrorBody {
  readonly id: unknown;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: Record<string, unknown>;
  };
}

/** The same package, loaded once more: its classes are others. */
const secondCopy = createRequire(import.meta.url)('@modelcontextprotocol/server') as {
  readonly McpServer: typeof McpServer;
  readonly Server: typeof Server;
};

describe('an author’s server', () => {
  // Catches: a client of 2026-07-28 that is refused in a way that it takes for an outage.
  it('of the first SDK generation is served to sessions only, and says so', async () => {
    const { mcp, request } = library({
      server: () => new FirstGenerationServer({ name: 'old', version: '1' }),
    });
    const response = await request(statelessPost('server/discover'));
    const { id, error } = (await response.json()) as ErrorBody;
    expect({ status: response.status, id, code: error?.code }).toEqual({ status: 400, id: 7, code: -32_022 });
    expect(error?.data?.['supported']).toContain('2025-11-25');
    expect((await request(post(initializeMessage()))).status).toBe(200);
    await mcp.close();
  });

  it('that cannot be made is an internal error with a reference, or says that the store is down', async () => {
    const bugs: string[] = [];
    let failure: Error = new Error('secret detail');
    const { mcp, request } = library({
      server: () => {
        throw failure;
      },
      onBug: (_, reference) => bugs.push(reference),
    });
    const broken = await request(statelessPost('server/discover'));
    const text = await broken.text();
    expect(broken.status).toBe(500);
    expect(text).toContain(bugs[0]);
    expect(text).not.toContain('secret detail');
    failure = new StoreUnavailable();
    expect((await request(statelessPost('server/discover'))).status).toBe(503);
    await mcp.close();
  });

  // Catches: errors and ends of one request that are told of all requests that the server ever had.
  it('that was returned before is refused with the reason, for its author', async () => {
    const bugs: unknown[] = [];
    const server = new McpServer({ name: 'only one', version: '1' });
    const { mcp, request } = library({ server: () => server, onBug: (error) => bugs.push(error) });
    expect((await request(statelessPost('server/discover'))).status).toBe(200);
    const again = await request(statelessPost('server/discover'));
    expect(again.status).toBe(500);
    expect(bugs).toEqual([expect.objectContaining({ message: expect.stringContaining('returned before') })]);
    await mcp.close();
  });

  // Catches: one server of another kind that shuts every client of 2026-07-28 out, until the process is restarted.
  it('that is not of this revision says nothing of the next one', async () => {
    const made: unknown[] = [new FirstGenerationServer({ name: 'old', version: '1' }), undefined];
    const { mcp, request } = library({
      server: () =>
        made.length > 0 ? (made.shift() as McpServer) : new McpServer({ name: 'new', version: '1' }),
      onBug: () => {},
    });
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      statuses.push((await request(statelessPost('server/discover'))).status);
    }
    expect(statuses).toEqual([400, 500, 200]);
    await mcp.close();
  });

  // Catches: a mistake of the author that clients take for a server of old revisions, and that nobody hears of.
  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /returned no server/],
    ['no server', { connect: () => {} }, /returned no server/],
    ['an McpServer of a second copy', new secondCopy.McpServer({ name: 'x', version: '1' }), /two copies of/],
    ['a Server of a second copy', new secondCopy.Server({ name: 'x', version: '1' }), /two copies of/],
  ])('that is %s is a bug with a reference', async (_, made, problem) => {
    const onBug = vi.fn<(error: unknown, reference: string) => void>();
    const { mcp, request } = library({ server: () => made as McpServer, onBug });
    const response = await request(statelessPost('server/discover'));
    expect(response.status).toBe(500);
    const { id, error } = (await response.json()) as ErrorBody;
    expect(id).toBe(7);
    expect(onBug).toHaveBeenCalledTimes(1);
    const [bug, reference] = onBug.mock.calls[0] ?? [];
    expect(error?.message).toBe(`Internal error. Reference: ${reference}`);
    expect(String(bug)).toMatch(problem);
    await mcp.close();
  });

  // Catches: a client that waits for ever, and a stop that waits with it. The SDK tells nobody else.
  it('whose result is no JSON is a bug with a reference, and runs no more', async () => {
    const bugs: unknown[] = [];
    const seen: Error[] = [];
    const { mcp, request } = library({
      server: () => unsendable((error) => seen.push(error)),
      onBug: (error, reference) => bugs.push(reference, error),
    });
    const response = await request(statelessCall('answer'));
    expect(response.status).toBe(500);
    expect(((await response.json()) as ErrorBody).error?.message).toContain(bugs[0]);
    expect(String(bugs[1])).toContain('BigInt');
    expect(seen.map(String)).toEqual([String(bugs[1])]);
    await mcp.idle();
    // A stream that was begun cannot be answered with anything else: it ends.
    const stream = await (await request(statelessCall('stream'))).text();
    expect(stream).toContain('notifications/progress');
    expect(bugs).toHaveLength(4);
    expect(String(bugs[3])).toContain('BigInt');
    await mcp.idle();
    await mcp.close();
  });

  // Catches: an error that only the client hears of, and a client that can fill the log with its own mistakes.
  it('that the SDK fails with is a bug with a reference, and a bad request is none', async () => {
    const bugs: unknown[] = [];
    class Failing extends McpServer {
      override toolInputSchemaJson(): never {
        throw new Error('a schema that is none');
      }
    }
    const { mcp, request } = library({
      server: () => new Failing({ name: 'failing', version: '1' }),
      onBug: (error, reference) => bugs.push(reference, error),
    });
    expect((await request(statelessCall('x', {}))).status).toBe(500);
    expect(String(bugs[1])).toContain('a schema that is none');
    const response = await request(statelessCall('x'));
    expect(((await response.json()) as ErrorBody).error?.message).toContain(bugs[2]);
    const refused = await request(statelessPost('tools/list', {}, { 'Mcp-Method': 'tools/call' }));
    expect(refused.status).toBe(400);
    expect(bugs).toHaveLength(4);
    await mcp.close();
  });

  // Catches: a tool that begins when everything was stopped, and a stream that nobody ends any more.
  it.each<[string, RequestInit]>([
    ['call', statelessCall('run')],
    ['stream', statelessPost('subscriptions/listen', { notifications: { toolsListChanged: true } })],
  ])('that is made during a stop begins no %s', async (_, init) => {
    let ready = (): void => {};
    const waiting = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const seen: string[] = [];
    const { mcp, request } = library({
      server: async () => {
        seen.push('asked');
        await waiting;
        const server = new McpServer({ name: 'slow', version: '1' });
        server.registerTool('run', { inputSchema: z.object({}) }, () => {
          seen.push('ran');
          return { content: [] };
        });
        return server;
      },
    });
    const called = request(init);
    await eventually(() => seen.includes('asked'), 'the server is asked for');
    await mcp.stop();
    ready();
    const response = await called;
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ id: 7, error: { data: { reason: 'stopping' } } });
    expect(seen).toEqual(['asked']);
    await mcp.idle();
    await mcp.close();
  });

  it('sees its call aborted when the client hangs up, and nothing runs any more', async () => {
    const seen: string[] = [];
    const { mcp, request } = library({ server: () => waitingServer(seen) });
    const hangUp = new AbortController();
    const called = request({ ...statelessCall('wait'), signal: hangUp.signal });
    await eventually(() => seen.includes('called'), 'the call runs');
    hangUp.abort();
    await called.catch(() => {});
    await eventually(() => seen.includes('aborted'), 'the call is aborted');
    await mcp.idle();
    await mcp.close();
  });

  // Catches: a stop that takes a call for done because its stream has begun.
  it('runs until its stream is over', async () => {
    const { mcp, request } = library({ server: () => waitingServer([]) });
    const streamed = await request(statelessCall('stream'));
    expect(streamed.headers.get('content-type')).toBe('text/event-stream');
    let idle = false;
    void mcp.idle().then(() => {
      idle = true;
    });
    expect((await request(statelessCall('open'))).status).toBe(200);
    expect(idle).toBe(false);
    await mcp.stop();
    await eventually(() => idle, 'nothing runs');
    expect(await streamed.text()).toContain('notifications/progress');
    await mcp.close();
  });

  // Catches: a stop that aborts what has time to finish, or that leaves a client without an answer.
  it('finishes its calls during a stop, and what takes too long is told to call again', async () => {
    const seen: string[] = [];
    const { mcp, request } = library({ server: () => waitingServer(seen) });
    const called = request(statelessCall('wait'));
    await eventually(() => seen.includes('called'), 'the call runs');
    mcp.endStreams();
    let idle = false;
    void mcp.idle().then(() => {
      idle = true;
    });
    expect((await request(statelessCall('open'))).status).toBe(200);
    expect(idle).toBe(false);
    await mcp.stop();
    const response = await called;
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ id: 7, error: { data: { reason: 'stopping' } } });
    await eventually(() => idle, 'nothing runs');
    expect((await request(statelessCall('open'))).status).toBe(503);
    await mcp.close();
  });

  /** Its tools return what JSON cannot carry, one of them when a stream has begun. */
  function unsendable(onError: (error: Error) => void): McpServer {
    const server = new McpServer({ name: 'unsendable', version: '1' });
    server.server.onerror = onError;
    const result = { content: [], _meta: { count: 1n } };
    server.registerTool('answer', { inputSchema: z.object({}) }, () => result);
    server.registerTool('stream', { inputSchema: z.object({}) }, async (_, { mcpReq }) => {
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken: 1, progress: 1 } });
      return result;
    });
    return server;
  }

  function waitingServer(seen: string[]): McpServer {
    const server = new McpServer({ name: 'waiting', version: '1' });
    server.registerTool('open', { inputSchema: z.object({}) }, () => ({ content: [] }));
    server.registerTool('wait', { inputSchema: z.object({}) }, async (_, { mcpReq }) => {
      seen.push('called');
      await new Promise<void>((resolve) => mcpReq.signal.addEventListener('abort', () => resolve()));
      seen.push('aborted');
      return { content: [] };
    });
    server.registerTool('stream', { inputSchema: z.object({}) }, async (_, { mcpReq }) => {
      const params = { progressToken: 1, progress: 1 };
      await mcpReq.notify({ method: 'notifications/progress', params });
      await new Promise<void>((resolve) => mcpReq.signal.addEventListener('abort', () => resolve()));
      return { content: [] };
    });
    return server;
  }
});
