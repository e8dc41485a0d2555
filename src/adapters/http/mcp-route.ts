import type { IncomingMessage } from 'node:http';
import { assertDepth } from '../../domain/json.ts';
import type { Principal } from '../../domain/principal.ts';
import { isStatelessRevision } from '../../domain/protocol-revision.ts';
import { requestIdOf } from '../../domain/request-id.ts';
import type { JsonRpcId, McpCaller, McpEndpoint, McpReply, RequestInfo } from '../../ports/mcp-endpoint.ts';
import type { BreakOff, StatelessEndpoint } from '../../ports/stateless-endpoint.ts';
import { errorResponse } from './errors.ts';
import { eventStreamResponse } from './event-stream.ts';
import { assertAcceptsJsonAndStream, assertAcceptsStream, assertJsonContent } from './media-types.ts';
import { readMessage } from './message-body.ts';
import { shortHeader } from './short-header.ts';
import { withoutCredentials } from './shown-request.ts';

export interface McpRouteOptions {
  readonly endpoint: McpEndpoint;
  readonly stateless: StatelessEndpoint;
  /** Whether no tool is to be shown the `Authorization` header. */
  readonly hidesCredentials: boolean;
  readonly bodyBytes: number;
}

/** A request, and whom it comes from. */
export interface McpRequest {
  readonly request: Request;
  /** The request as Node has it, if it does. */
  readonly incoming: IncomingMessage | undefined;
  /** Absent where the caller is not known by name. */
  readonly principal: Principal | undefined;
  /** Absent where nothing is known of the connection. */
  readonly breakOff: BreakOff | undefined;
}

/** The MCP endpoint's methods over HTTP: headers and bytes on the outside, messages on the inside. */
export class McpRoute {
  readonly #endpoint: McpEndpoint;
  readonly #stateless: StatelessEndpoint;
  readonly #hidesCredentials: boolean;
  readonly #bodyBytes: number;

  constructor({ endpoint, stateless, hidesCredentials, bodyBytes }: McpRouteOptions) {
    this.#hidesCredentials = hidesCredentials;
    this.#endpoint = endpoint;
    this.#stateless = stateless;
    this.#bodyBytes = bodyBytes;
  }

  /** @param onRequestId told of the id of the JSON-RPC request, for the error that may have to answer it */
  async post(
    { request, incoming, principal, breakOff }: McpRequest,
    onRequestId: (id: JsonRpcId) => void,
  ): Promise<Response> {
    assertAcceptsJsonAndStream(request.headers.get('accept'));
    assertJsonContent(request.headers);
    const message = await readMessage(request, incoming, this.#bodyBytes);
    const id = requestIdOf(message);
    if (id !== undefined) onRequestId(id);
    assertDepth(message, 'message');
    if (await this.#stateless.serves(request, message)) {
      const answer = await this.#stateless.answer(this.#shown(request), message, principal, breakOff);
      return answer instanceof Response ? answer : respond(answer, 202);
    }
    return respond(await this.#endpoint.post(message, this.#caller(request, principal)), 202, breakOff);
  }

  async delete({ request, principal }: McpRequest): Promise<Response> {
    if (isStateless(request.headers)) return this.notAllowed('POST');
    return respond(await this.#endpoint.terminate(this.#caller(request, principal)), 200);
  }

  async get({ request, principal, breakOff }: McpRequest): Promise<Response> {
    if (isStateless(request.headers)) return this.notAllowed('POST');
    assertAcceptsStream(request.headers.get('accept'));
    const lastEventId = shortHeader(request.headers, 'Last-Event-ID') || undefined;
    return respond(await this.#endpoint.listen(this.#caller(request, principal), lastEventId), 200, breakOff);
  }

  /** @param methods those that are, for the revision that the request is of */
  notAllowed(methods = 'GET, POST, DELETE'): Response {
    const response = errorResponse(
      'method_not_allowed',
      'Method not allowed: send messages with POST. Only revisions before 2026-07-28 listen with GET, and end ' +
        'their session with DELETE.',
    );
    response.headers.set('Allow', methods);
    return response;
  }

  #caller(request: Request, principal: Principal | undefined): McpCaller {
    const { headers } = request;
    return {
      sessionId: shortHeader(headers, 'Mcp-Session-Id') || undefined,
      protocolVersion: shortHeader(headers, 'MCP-Protocol-Version'),
      principal,
      request: new LazyRequestInfo(() => this.#shown(request)),
    };
  }

  /** The request as tools see it. */
  #shown(request: Request): Request {
    return this.#hidesCredentials ? withoutCredentials(request) : request;
  }
}

/** Revisions without sessions have neither a stream to open nor a session to end. */
function isStateless(headers: Headers): boolean {
  return isStatelessRevision(headers.get('mcp-protocol-version'));
}

/** Few handlers look at the request that carried their call: it is put together for those only. */
class LazyRequestInfo implements RequestInfo {
  readonly #request: () => Request;

  constructor(request: () => Request) {
    this.#request = request;
  }

  get headers(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#request().headers);
  }

  get url(): URL {
    return new URL(this.#request().url);
  }
}

function respond(reply: McpReply, acceptedStatus: number, breakOff?: BreakOff): Response {
  switch (reply.kind) {
    case 'accepted':
      return new Response(null, { status: acceptedStatus });
    case 'answered':
      return new Response(JSON.stringify(reply.body), {
        headers: {
          'Content-Type': 'application/json',
          ...(reply.sessionId === undefined ? {} : { 'Mcp-Session-Id': reply.sessionId }),
        },
      });
    case 'finished':
      // How server-sent events tell a client to reconnect no more (HTML Standard, 9.2.3).
      return new Response(null, { status: 204 });
    case 'streamed':
      return eventStreamResponse(reply.events, breakOff);
    case 'refused':
      return errorResponse(reply.problem, reply.message, reply.requestId);
  }
}
