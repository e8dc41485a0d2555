import { once } from 'node:events';
import { connect } from 'node:net';
import { ClientCredentialsProvider } from '@modelcontextprotocol/client';
import { McpServer as FirstMcpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { McpServer } from '@modelcontextprotocol/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jwtAuthentication } from '../../src/adapters/auth/jwt-authentication.ts';
import type { HttpServer } from '../../src/app/http-server.ts';
import type { Authentication } from '../../src/ports/authentication.ts';
import { eventually } from '../contract/fixtures.ts';
import { AUDIENCE, CLIENT_SECRET, type Issuer, startIssuer } from '../support/issuer.ts';
import { library } from '../support/library.ts';
import {
  initializeMessage,
  post,
  serve,
  type TestService,
  testService,
  toolCall,
} from '../support/service.ts';
import { statelessCall, statelessPost } from '../support/stateless-request.ts';
import { connectModern } from '../support/v2-client.ts';

let issuer: Issuer;
let service: TestService;
let server: HttpServer;

beforeAll(async () => {
  issuer = await startIssuer();
  service = testService({ environment: { AUTH_ISSUER: issuer.url, AUTH_AUDIENCE: AUDIENCE } });
  server = await serve(service);
});
afterAll(async () => {
  await server.stop();
  await service.service.mcp.close();
  await issuer.stop();
});

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

describe('with a token', () => {
  it.each(['legacy', { pin: '2026-07-28' }] as const)(
    'the official client (%j) works, and has its sessions listed',
    async (mode) => {
      const token = await issuer.token('alice');
      const { call, close } = await connectModern(`${server.origin}/mcp`, {
        mode,
        fetch: (url, init) => {
          const headers = new Headers(init?.headers);
          headers.set('Authorization', `Bearer ${token}`);
          return fetch(url, { ...init, headers });
        },
      });
      const { structuredContent } = await call('open_session', { values: { k: 1 } });
      const session_id = (structuredContent as { readonly session_id: string }).session_id;
      expect(await call('get_value', { session_id, key: 'k' })).toMatchObject({
        structuredContent: { value: 1 },
      });
      // Catches: tools that say of the service what it is not.
      const listed = await call('list_sessions');
      expect((listed.structuredContent as { readonly sessions: unknown[] }).sessions.length).toBeGreaterThan(
        0,
      );
      await close();
    },
  );
});

describe('without a token', () => {
  // Catches: a challenge or metadata that only their author can read.
  it('the official client is led to the issuer, gets one there, and comes back', async () => {
    const { call, close } = await connectModern(AUDIENCE, {
      authProvider: new ClientCredentialsProvider({
        clientId: 'bob',
        clientSecret: CLIENT_SECRET,
        expectedIssuer: issuer.url,
      }),
      // As the name service would.
      fetch: (url, init) => fetch(String(url).replace(/^https:\/\/mcp\.example\.com/, server.origin), init),
    });
    expect(await call('list_sessions')).toMatchObject({ structuredContent: { sessions: [] } });
    await close();
  });
});

describe('a tool', () => {
  const tools = {
    '@modelcontextprotocol/sdk': (seen: unknown[]) => {
      const made = new FirstMcpServer({ name: 'shows', version: '1' });
      made.registerTool('show', {}, async ({ requestInfo }) => {
        seen.push(requestInfo?.headers, String(requestInfo?.url));
        return { content: [] };
      });
      return made;
    },
    '@modelcontextprotocol/server': (seen: unknown[]) => {
      const made = new McpServer({ name: 'shows', version: '1' });
      made.registerTool('show', {}, async ({ http }) => {
        seen.push(http?.req && Object.fromEntries(http.req.headers), http?.req?.signal.aborted);
        return { content: [] };
      });
      return made;
    },
  };
  const shown = async (
    sdk: keyof typeof tools,
    options: { readonly authentication?: Authentication; readonly principal?: Authentication['principalOf'] },
    token: string,
  ): Promise<unknown[]> => {
    const seen: unknown[] = [];
    const { mcp, request } = library({ server: () => tools[sdk](seen), ...options });
    const headers = { ...bearer(token), 'X-Other': 'is shown' };
    const sending = (init: RequestInit, more = {}): RequestInit => ({
      ...init,
      headers: { ...(init.headers as Record<string, string>), ...headers, ...more },
    });
    if (sdk === '@modelcontextprotocol/server') await (await request(sending(statelessCall('show')))).text();
    else {
      const opened = await request(sending(post(initializeMessage())));
      const id = opened.headers.get('mcp-session-id') as string;
      await (await request(sending(post(toolCall('show')), { 'Mcp-Session-Id': id }))).text();
    }
    await mcp.close();
    return seen;
  };

  // Catches: a token that a tool, or whoever writes one, can pass on to somebody it was not made for.
  it.each(Object.keys(tools) as (keyof typeof tools)[])(
    'of %s sees the request without the token',
    async (sdk) => {
      const token = await issuer.mint();
      const authentication = jwtAuthentication({ issuer: issuer.url, audience: AUDIENCE });
      const seen = await shown(sdk, { authentication }, token);
      expect(seen[0]).toMatchObject({ 'x-other': 'is shown' });
      expect(seen[0]).not.toHaveProperty('authorization');
      expect(JSON.stringify(seen)).not.toContain(token.slice(-40));
      // Where others look at credentials, the header is theirs.
      const [theirs] = await shown(sdk, { principal: () => undefined }, token);
      expect(theirs).toMatchObject({ authorization: `Bearer ${token}` });
    },
  );

  // Catches: a client that hangs up unnoticed, since the tool has a request that only looks like its own.
  it('is told when the client hangs up', async () => {
    let hangUp: AbortSignal | undefined;
    const { mcp, request } = library({
      authentication: jwtAuthentication({ issuer: issuer.url, audience: AUDIENCE }),
      server: () => {
        const made = new McpServer({ name: 'waits', version: '1' });
        made.registerTool('wait', {}, async ({ mcpReq: { signal } }) => {
          hangUp = signal;
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          return { content: [] };
        });
        return made;
      },
    });
    const client = new AbortController();
    const init = statelessPost('tools/call', { name: 'wait' }, bearer(await issuer.mint()));
    const answer = request({ ...init, signal: client.signal }).catch(() => undefined);
    await eventually(() => hangUp !== undefined, 'the call');
    client.abort();
    await eventually(() => hangUp?.aborted === true, 'the end of the call');
    await answer;
    await mcp.close();
  });
});

describe('a request that is refused', () => {
  /** Sends bytes as they are, and gives the status of each answer until the connection ends. */
  async function statuses(bytes: string): Promise<string[]> {
    const socket = connect(Number(new URL(server.origin).port), '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
    socket.write(bytes);
    await once(socket, 'close');
    return [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status as string);
  }
  const head = (length: number) =>
    `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
  const LAST = 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n';

  // Catches: a body that nobody read and that is taken for the next request.
  it('is answered before its body is read, and the body is no request', async () => {
    const body = LAST.repeat(10_000);
    expect(await statuses(`${head(body.length)}${body}${LAST}`)).toEqual(['401', '200']);
  });

  it('is not waited for', async () => {
    expect(await statuses(head(1_000_000))).toEqual(['401']);
  });

  // Catches: a token in a log line, of a request that was refused or of one that was not.
  it('leaves no token in the logs or in its answer, nor does one that is served', async () => {
    const good = await issuer.mint();
    const bad = [await issuer.mint({ aud: 'x' }), await issuer.mint({ exp: 1 }), `${good}x`, 'plain-secret'];
    for (const token of [good, ...bad]) {
      const response = await service.request('/mcp', post(initializeMessage(), bearer(token)));
      expect(response.status).toBe(token === good ? 200 : 401);
      const said = [await response.text(), ...[...response.headers].flat()].join('\n');
      for (const part of token.split('.')) expect(said).not.toContain(part);
      for (const part of token.split('.')) expect(service.logs.join('\n')).not.toContain(part);
    }
  });
});
