import type { IncomingMessage } from 'node:http';
import type { JsonRpcId, McpCaller, McpEndpoint, McpReply } from '../../ports/mcp-endpoint.ts';
import { errorResponse } from './errors.ts';
import { assertAcceptsJsonAndStream, assertJsonContent } from './media-types.ts';
import { readMessage } from './message-body.ts';

/** The MCP endpoint's methods over HTTP: headers and bytes on the outside, messages on the inside. */
export class McpRoute {
  readonly #endpoint: McpEndpoint;
  readonly #bodyBytes: number;

  constructor(endpoint: McpEndpoint, limits: { readonly bodyBytes: number }) {
    this.#endpoint = endpoint;
    this.#bodyBytes = limits.bodyBytes;
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
    const id = requestId(message);
    if (id !== undefined) onRequestId(id);
    return respond(await this.#endpoint.post(message, caller(request.headers)), 202);
  }

  async delete(request: Request): Promise<Response> {
    return respond(await this.#endpoint.terminate(caller(request.headers)), 200);
  }

  async get(_request: Request): Promise<Response> {
    return this.notAllowed();
  }

  notAllowed(): Response {
    return errorResponse(
      'method_not_allowed',
      'Method not allowed: send messages with POST and end the session with DELETE. This server offers no stream on GET.',
    );
  }
}

function requestId(message: unknown): JsonRpcId | undefined {
  if (typeof message !== 'object' || message === null || !('method' in message) || !('id' in message)) {
    return undefined;
  }
  return typeof message.id === 'string' || typeof message.id === 'number' ? message.id : undefined;
}

function caller(headers: Headers): McpCaller {
  return {
    sessionId: headers.get('mcp-session-id') || undefined,
    protocolVersion: headers.get('mcp-protocol-version') ?? undefined,
    principal: undefined,
  };
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
    case 'refused':
      return errorResponse(reply.problem, reply.message, reply.requestId);
  }
}
