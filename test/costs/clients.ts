import { initializeMessage, MCP_HEADERS, post, toolCall } from '../support/service.ts';
import { SseConnection } from '../support/sse-connection.ts';
import { statelessCall } from '../support/stateless-request.ts';
import type { Send } from './lab.ts';

/** What a tool returned: its structured content, where it was no error. */
export type ToolOutput = Readonly<Record<string, unknown>>;

/** A client that has a session and calls tools on it. */
export interface StateClient {
  /** @throws if the tool says that it failed */
  call(tool: string, args?: Record<string, unknown>): Promise<ToolOutput>;
  /** A call that is to be refused. @throws if it is not */
  refused(tool: string, args?: Record<string, unknown>): Promise<void>;
}

interface Answer {
  readonly result?: { readonly isError?: boolean; readonly structuredContent?: ToolOutput };
  readonly error?: { readonly message: string };
}

/** Of a revision up to 2025-11-25: its connection has the session. */
export class SessionClient implements StateClient {
  readonly id: string;
  readonly #send: Send;

  private constructor(send: Send, id: string) {
    this.#send = send;
    this.id = id;
  }

  static async initialize(send: Send): Promise<SessionClient> {
    const response = await send(post(initializeMessage()));
    await answerOf(response);
    return new SessionClient(send, response.headers.get('mcp-session-id') as string);
  }

  /** Up to `notifications/initialized`. */
  static async open(send: Send): Promise<SessionClient> {
    const client = await SessionClient.initialize(send);
    await client.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return client;
  }

  async call(tool: string, args: Record<string, unknown> = {}): Promise<ToolOutput> {
    return outputOf(await answerOf(await this.post(toolCall(tool, args))));
  }

  async refused(tool: string, args: Record<string, unknown> = {}): Promise<void> {
    assertRefused(await answerOf(await this.post(toolCall(tool, args))));
  }

  /** Sends a message; what comes back is read to its end by whoever asked for an answer. */
  async post(message: object): Promise<Response> {
    const response = await this.#send(post(message, this.#headers));
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
    return response;
  }

  /** A request and its answer, in plain JSON or at the end of a stream. */
  async request(method: string, params: Record<string, unknown> = {}): Promise<unknown> {
    const { result, error } = await answerOf(await this.post({ jsonrpc: '2.0', id: 1, method, params }));
    if (error !== undefined) throw new Error(error.message);
    return result;
  }

  /** The session's own stream, or one that is resumed. */
  async listen(lastEventId?: string): Promise<SseConnection> {
    const headers = {
      Accept: MCP_HEADERS.Accept,
      ...this.#headers,
      ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
    };
    return streamOf(await this.#send({ headers }));
  }

  async terminate(): Promise<void> {
    const { status } = await this.#send({ method: 'DELETE', headers: this.#headers });
    if (status !== 200) throw new Error(`${status} where 200 was expected`);
  }

  get #headers(): Record<string, string> {
    return { 'Mcp-Session-Id': this.id, 'MCP-Protocol-Version': '2025-11-25' };
  }
}

/** Of 2026-07-28: it names the session with each call. */
export class HandleClient implements StateClient {
  readonly #send: Send;
  readonly #session: Record<string, unknown>;

  private constructor(send: Send, session: Record<string, unknown>) {
    this.#send = send;
    this.#session = session;
  }

  static async open(send: Send): Promise<HandleClient> {
    const { session_id } = await new HandleClient(send, {}).call('open_session');
    return new HandleClient(send, { session_id });
  }

  async call(tool: string, args: Record<string, unknown> = {}): Promise<ToolOutput> {
    return outputOf(await this.#answer(tool, args));
  }

  async refused(tool: string, args: Record<string, unknown> = {}): Promise<void> {
    assertRefused(await this.#answer(tool, args));
  }

  async #answer(tool: string, args: Record<string, unknown>): Promise<Answer> {
    const session = ABOUT_NO_SESSION.has(tool) ? {} : this.#session;
    return answerOf(await this.#send(statelessCall(tool, { ...session, ...args })));
  }
}

const ABOUT_NO_SESSION: ReadonlySet<string> = new Set(['open_session', 'list_sessions']);

export function streamOf(response: Response): SseConnection {
  if (response.headers.get('content-type') !== 'text/event-stream' || response.body === null) {
    throw new Error(`no stream, but ${response.status}`);
  }
  return new SseConnection(response.body, new AbortController());
}

async function answerOf(response: Response): Promise<Answer> {
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  if (response.headers.get('content-type') !== 'text/event-stream') return (await response.json()) as Answer;
  const stream = streamOf(response);
  await stream.end();
  const [answer] = stream.answers;
  if (answer === undefined) throw new Error('a stream without an answer');
  return answer as Answer;
}

function outputOf({ result, error }: Answer): ToolOutput {
  if (result === undefined || result.isError === true) throw new Error(JSON.stringify(error ?? result));
  return result.structuredContent ?? {};
}

function assertRefused({ result }: Answer): void {
  if (result?.isError !== true) throw new Error(`not refused: ${JSON.stringify(result)}`);
}
