import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { ServerFactory } from '../../src/adapters/mcp/server-factory.ts';
import { memoryStore } from '../../src/adapters/memory/store.ts';
import { readServerConfig, type ServerConfig } from '../../src/app/config.ts';
import { type HttpServer, listen } from '../../src/app/http-server.ts';
import { createLogger } from '../../src/app/logger.ts';
import { createService, type Service } from '../../src/app/service.ts';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Store } from '../../src/ports/store.ts';

export interface TestService {
  readonly service: Service;
  readonly logs: string[];
  /** Sends a request past any socket, as a browser or client on this machine would. */
  request(path: string, init?: RequestInit): Promise<Response>;
}

/** The service over `store`, without a socket. */
export function testService(
  options: {
    readonly store?: Store;
    readonly clock?: Clock;
    readonly config?: Partial<Omit<ServerConfig, 'store'>>;
    readonly environment?: Record<string, string>;
    /** The server of the state tools by default. */
    readonly server?: ServerFactory;
  } = {},
): TestService {
  const logs: string[] = [];
  const config = readServerConfig(
    { DATABASE_URL: 'postgres://unused', ...options.environment },
    { store: 'postgres', embedded: false },
  );
  const service = createService({
    config: { ...config, ...options.config },
    store: options.store ?? memoryStore(),
    clock: options.clock ?? systemClock,
    logger: createLogger('trace', { write: (line) => void logs.push(line) }),
    ...(options.server === undefined ? {} : { server: options.server }),
  });
  return {
    service,
    logs,
    request: async (path, init = {}) => {
      const headers = new Headers(init.headers);
      if (!headers.has('host')) headers.set('host', '127.0.0.1:8060');
      return service.app.request(`http://127.0.0.1:8060${path}`, { ...init, headers });
    },
  };
}

export const MCP_HEADERS = {
  'Content-Type': 'application/json',
  Accept: 'application/json, text/event-stream',
} as const;

export function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    headers: { ...MCP_HEADERS, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  };
}

export function initializeMessage(overrides: Record<string, unknown> = {}): object {
  return {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'test-client', version: '1.2.3' },
      ...overrides,
    },
  };
}

export function toolCall(name: string, args: Record<string, unknown> = {}, id: string | number = 2): object {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } };
}

/** Listens on a free port. */
export function serve(service: TestService): Promise<HttpServer> {
  return listen(service.service, { host: '127.0.0.1', port: 0 });
}

export interface TestClient {
  readonly client: Client;
  readonly transport: StreamableHTTPClientTransport;
  call(name: string, args?: Record<string, unknown>): Promise<CallToolResult>;
  close(): Promise<void>;
}

/** The official client, in a new session or in one that exists. */
export async function connectClient(url: string, sessionId?: string): Promise<TestClient> {
  const client = new Client({ name: 'official', version: '7' }, { capabilities: { roots: {} } });
  const transport = new StreamableHTTPClientTransport(
    new URL(url),
    sessionId === undefined ? {} : { sessionId },
  );
  await client.connect(transport as Parameters<Client['connect']>[0]);
  return {
    client,
    transport,
    call: async (name, args = {}) => (await client.callTool({ name, arguments: args })) as CallToolResult,
    close: () => client.close(),
  };
}
