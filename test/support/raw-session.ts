import { initializeMessage, MCP_HEADERS, post, toolCall } from './service.ts';
import { type Message, SseConnection } from './sse-connection.ts';

/** A session by plain HTTP requests, each to the instance that a test names. */
export class RawSession {
  readonly id: string;

  private constructor(id: string) {
    this.id = id;
  }

  static async open(url: string): Promise<RawSession> {
    const response = await fetch(url, post(initializeMessage()));
    await response.json();
    const session = new RawSession(response.headers.get('mcp-session-id') as string);
    await session.post(url, { jsonrpc: '2.0', method: 'notifications/initialized' });
    return session;
  }

  post(url: string, message: object): Promise<Response> {
    return fetch(url, post(message, this.#headers));
  }

  /** A call that is answered at once. */
  async call(url: string, name: string, args: Record<string, unknown> = {}): Promise<Message> {
    return (await (await this.post(url, toolCall(name, args))).json()) as Message;
  }

  /** A call that is answered with a stream. */
  stream(url: string, id: string, name: string, args: Record<string, unknown> = {}): Promise<SseConnection> {
    return connect(url, post(toolCall(name, args, id), this.#headers));
  }

  /** The session's own stream, or one that is resumed. */
  listen(url: string, lastEventId?: string): Promise<SseConnection> {
    return connect(url, {
      headers: {
        Accept: MCP_HEADERS.Accept,
        ...this.#headers,
        ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
      },
    });
  }

  async ping(url: string): Promise<number> {
    const response = await this.post(url, { jsonrpc: '2.0', id: 'ping', method: 'ping' });
    await response.arrayBuffer();
    return response.status;
  }

  async terminate(url: string): Promise<number> {
    return (await fetch(url, { method: 'DELETE', headers: this.#headers })).status;
  }

  get #headers(): Record<string, string> {
    return { 'Mcp-Session-Id': this.id };
  }
}

async function connect(url: string, init: RequestInit): Promise<SseConnection> {
  const abort = new AbortController();
  const response = await fetch(url, { ...init, signal: abort.signal });
  if (response.headers.get('content-type') !== 'text/event-stream' || response.body === null) {
    throw new Error(`no stream, but ${response.status}: ${await response.text()}`);
  }
  return new SseConnection(response.body, abort);
}
