import type { IncomingMessage } from 'node:http';
import { assertDepth } from '../../domain/json.ts';
import type { Principal } from '../../domain/principal.ts';
import { isStatelessRevision } from '../../domain/protocol-revision.ts';
import { requestIdOf } from '../../domain/request-id.ts';
import type { JsonRpcId, McpCaller, McpEndpoint, McpReply, RequestInfo } from '../../ports/mcp-endpoint.ts';
import type { StatelessEndpoint } from '../../ports/stateless-endpoint.ts';
import { errorResponse } from './errors.ts';
import { eventStreamResponse } from './event-stream.ts';
import { assertAcceptsJsonAndStream, assertAcceptsStream, assertJsonContent } from './media-types.ts';
import { readMessage } from './message-body.ts';
import { shortHeader } from './short-header.ts';

export interface McpRouteOptions {
  readonly endpoint: McpEndpoint;
  readonly stateless: StatelessEndpoint;
  /** Whom a request's credentials name, once they are verified. Absent without authentication. */
  readonly principalOf?: PrincipalOf | undefined;
  readonly bodyBytes: number;
}

export type PrincipalOf = (request: Request) => Principal | undefined | Promise<Principal | undefined>;

/** The MCP endpoint's methods over HTTP: headers and bytes on the outside, messages on the inside. */
export class McpRoute {
  readonly #endpoint: McpEndpoint;
  readonly #stateless: StatelessEndpoint;
  readonly #principalOf: PrincipalOf | undefined;
  readonly #bodyBytes: number;

  constructor({ endpoint, stateless, principalOf, bodyBytes }: McpRouteOptions) {
    this.#principalOf = principalOf;
    this.#endpoint = endpoint;
    this.#stateless = stateless;
    this.#bodyBytes = bodyBytes;
  }

  /** @param onRequestId told of the id of the JSON-RPC request, for the error that may have to answer it */
  async post(
    request: Request,
    incoming: IncomingMessage | undefined,
    onRequestId: (id: JsonRpcId) => void,
  ): Promise<Response> {
    assertAcceptsJsonAndStream(request.headers.get('accept'));
    assertJsonContent(request.headers);
    const message = await readMessage(request, incoming, this.#bodyBytes);
    const id = requestIdOf(message);
    if (id !== undefined) onRequestId(id);
    assertDepth(message, 'message');
    if (await this.#stateless.serves(request, message)) {
      const answer = await this.#stateless.answer(request, message, await this.#principalOf?.(request));
      return answer instanceof Response ? answer : respond(answer, 202);
    }
    return respond(await this.#endpoint.post(message, await this.#caller(request)), 202);
  }

  async delete(request: Request): Promise<Response> {
    if (isStateless(request.headers)) return this.notAllowed('POST');
    return respond(await this.#endpoint.terminate(await this.#caller(request)), 200);
  }

  async get(request: Request): Promise<Response> {
    if (isStateless(request.headers)) return this.notAllowed('POST');
    assertAcceptsStream(request.headers.get('accept'));
    const lastEventId = shortHeader(request.headers, 'Last-Event-ID') || undefined;
    return respond(await this.#endpoint.listen(await this.#caller(request), lastEventId), 200);
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

  async #caller(request: Request): Promise<McpCaller> {
    const { headers } = request;
    return {
      sessionId: shortHeader(headers, 'Mcp-Session-Id') || undefined,
      protocolVersion: shortHeader(headers, 'MCP-Protocol-Version'),
      principal: await this.#principalOf?.(request),
      request: new LazyRequestInfo(request),
    };
  }
}

/** Revisions without sessions have neither a stream to open nor a session to end. */
function isStateless(headers: Headers): boolean {
  return isStatelessRevision(headers.get('mcp-protocol-version'));
}

/** Few handlers look at the request that carried their call: it is put together for those only. */
class LazyRequestInfo implements RequestInfo {
  readonly #request: Request;

  constructor(request: Request) {
    this.#request = request;
  }

  get headers(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#request.headers);
  }

  get url(): URL {
    return new URL(this.#request.url);
  }
}

function respond(reply: McpReply, acceptedStatus: number): Response {
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
      return eventStreamResponse(reply.events);
    case 'refused':
      return errorResponse(reply.problem, reply.message, reply.requestId);
  }
}
