import type { Message } from './sse-connection.ts';
import { SseConnection } from './sse-connection.ts';

/** How the server answered a POST or GET. */
export interface Reply {
  readonly status: number;
  readonly type: string | undefined;
  /** When to try again, in seconds, where the server says so. */
  readonly retryAfter: string | undefined;
  /** Of an answer in JSON. */
  readonly body: unknown;
  /** Of an answer as a stream. */
  readonly stream: SseConnection | undefined;
}

export interface RawClientOptions {
  readonly protocolVersion?: string;
  readonly capabilities?: Readonly<Record<string, unknown>>;
  /** Sent with each request, such as `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface CallOptions {
  /** The origin to send it to, instead of the client's own. */
  readonly at?: string;
  readonly id?: string | number;
  readonly progressToken?: string | number;
}

export const ALL_CAPABILITIES = { elicitation: {}, sampling: {}, roots: { listChanged: true } };

/** A client of one session that shows what is on the wire, and does nothing by itself. */
export class RawClient {
  readonly origin: string;
  readonly sessionId: string;
  readonly protocolVersion: string;
  readonly #sent: Readonly<Record<string, string>>;
  #lastId = 100;

  private constructor(
    origin: string,
    sessionId: string,
    protocolVersion: string,
    sent: Readonly<Record<string, string>>,
  ) {
    this.origin = origin;
    this.sessionId = sessionId;
    this.protocolVersion = protocolVersion;
    this.#sent = sent;
  }

  /** Opens a session, up to `notifications/initialized`. */
  static async open(origin: string, options: RawClientOptions = {}): Promise<RawClient> {
    const { protocolVersion = '2025-11-25', capabilities = ALL_CAPABILITIES, headers = {} } = options;
    const params = { protocolVersion, capabilities, clientInfo: { name: 'raw', version: '1' } };
    const response = await send(origin, headers, { jsonrpc: '2.0', id: 0, method: 'initialize', params });
    const sessionId = response.headers.get('mcp-session-id');
    if (sessionId === null) throw new Error(`initialize failed: ${await response.text()}`);
    await response.body?.cancel();
    const client = new RawClient(origin, sessionId, protocolVersion, headers);
    await client.tell({ method: 'notifications/initialized' });
    return client;
  }

  /** The same session, its requests sent to another origin. */
  at(origin: string): RawClient {
    return new RawClient(origin, this.sessionId, this.protocolVersion, this.#sent);
  }

  /** The same session, its requests sent with other headers. */
  sending(headers: Readonly<Record<string, string>>): RawClient {
    return new RawClient(this.origin, this.sessionId, this.protocolVersion, headers);
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** @param cut aborted, it destroys the socket */
  async post(body: unknown, at: string = this.origin, cut = new AbortController()): Promise<Reply> {
    return reply(await send(at, this.#headers(), body, cut.signal), cut);
  }

  /** Posts what is answered with 202: a notification, or an answer to a request of the server. */
  async tell(message: Message, at: string = this.origin): Promise<void> {
    const { status, body } = await this.post({ jsonrpc: '2.0', ...message }, at);
    if (status !== 202) throw new Error(`${status} where 202 was expected: ${JSON.stringify(body)}`);
  }

  async call(name: string, args: Record<string, unknown> = {}, options: CallOptions = {}): Promise<Reply> {
    const { at, id = this.nextId(), progressToken } = options;
    const meta = progressToken === undefined ? {} : { _meta: { progressToken } };
    const params = { name, arguments: args, ...meta };
    return this.post({ jsonrpc: '2.0', id, method: 'tools/call', params }, at);
  }

  /** As {@link call}, but resolves with the answer. */
  async result(
    name: string,
    args: Record<string, unknown> = {},
    options: CallOptions = {},
  ): Promise<Message> {
    const id = options.id ?? this.nextId();
    return answerOf(await this.call(name, args, { ...options, id }), id);
  }

  /** The status that a ping is answered with. */
  async ping(at?: string): Promise<number> {
    return (await this.post({ jsonrpc: '2.0', id: this.nextId(), method: 'ping' }, at)).status;
  }

  /** Ends the session. */
  async terminate(at: string = this.origin): Promise<void> {
    const { status } = await fetch(`${at}/mcp`, { method: 'DELETE', headers: this.#headers() });
    if (status !== 200) throw new Error(`${status} where 200 was expected`);
  }

  async get(options: { readonly at?: string; readonly lastEventId?: string } = {}): Promise<Reply> {
    const { at = this.origin, lastEventId } = options;
    const cut = new AbortController();
    const headers = {
      ...this.#headers(),
      Accept: 'text/event-stream',
      ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
    };
    return reply(await fetch(`${at}/mcp`, { headers, signal: cut.signal }), cut);
  }

  /** Opens the session's stream, or resumes any. */
  async listen(
    options: { readonly at?: string; readonly lastEventId?: string } = {},
  ): Promise<SseConnection> {
    return streamOf(await this.get(options));
  }

  #headers(): Record<string, string> {
    return {
      ...this.#sent,
      'Mcp-Session-Id': this.sessionId,
      'MCP-Protocol-Version': this.protocolVersion,
    };
  }
}

export function streamOf({ status, body, stream }: Reply): SseConnection {
  if (stream === undefined) throw new Error(`no stream, but ${status} ${JSON.stringify(body)}`);
  return stream;
}

/** The answer to a request, whether it came in plain JSON or at the end of a stream. */
export async function answerOf(reply: Reply, id: string | number): Promise<Message> {
  return reply.stream === undefined ? (reply.body as Message) : reply.stream.answer(id);
}

function send(
  origin: string,
  headers: Record<string, string>,
  body: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`${origin}/mcp`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function reply(response: Response, cut: AbortController): Promise<Reply> {
  const { status, headers, body } = response;
  const type = headers.get('content-type') ?? undefined;
  const retryAfter = headers.get('retry-after') ?? undefined;
  if (type === 'text/event-stream' && body !== null) {
    return { status, type, retryAfter, body: undefined, stream: new SseConnection(body, cut) };
  }
  const text = await response.text();
  return { status, type, retryAfter, body: text === '' ? undefined : JSON.parse(text), stream: undefined };
}
