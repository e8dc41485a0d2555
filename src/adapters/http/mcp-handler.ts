import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ClientTooSlow } from '../../domain/client-too-slow.ts';
import { DurableMcpError } from '../../domain/errors.ts';
import { isNamed, type Principal } from '../../domain/principal.ts';
import type { Authentication } from '../../ports/authentication.ts';
import type { JsonRpcId, McpEndpoint } from '../../ports/mcp-endpoint.ts';
import type { StatelessEndpoint } from '../../ports/stateless-endpoint.ts';
import { bugResponse, errorResponse, RequestRefused } from './errors.ts';
import { assertAddressedToUs, type Exposure } from './exposure.ts';
import { McpRoute } from './mcp-route.ts';
import { challengeOf } from './protected-resource.ts';

export interface McpHandlerOptions {
  /** For clients of the revisions up to 2025-11-25. */
  readonly endpoint: McpEndpoint;
  /** For clients of 2026-07-28. */
  readonly stateless: StatelessEndpoint;
  /** Absent where all callers are one. */
  readonly authentication?: Authentication | undefined;
  readonly exposure: Exposure;
  /** Largest request body in bytes. */
  readonly bodyBytes: number;
  /** Told of errors that nobody foresaw, with the reference that the client was given. */
  readonly onBug: (error: unknown, reference: string) => void;
  /** Told of requests that were answered with 503 because of the store. */
  readonly onStoreError: (error: DurableMcpError) => void;
}

/** What `@hono/node-server` hands over beside the web request. */
export interface NodeBindings {
  readonly incoming?: IncomingMessage;
  /** Destroyed to break a stream off. Without it the body fails, and its stack is printed on the console. */
  readonly outgoing?: { destroy(): unknown };
}

/** Answers one request to the MCP endpoint, whatever its path. Never rejects. */
export type McpHandler = (request: Request, node?: NodeBindings) => Promise<Response>;

/** The MCP endpoint as a web-standard handler. */
export function mcpHandler(options: McpHandlerOptions): McpHandler {
  const { authentication, exposure } = options;
  const resource = authentication?.resource;
  const route = new McpRoute({ ...options, hidesCredentials: resource !== undefined });

  const answer = async (
    request: Request,
    node: NodeBindings | undefined,
    onRequestId: (id: JsonRpcId) => void,
  ): Promise<Response> => {
    assertAddressedToUs(request.headers, exposure);
    // Before anything else is looked at, and before any of the body is read.
    const principal = authentication && (await principalOf(request, authentication));
    const { incoming, outgoing } = node ?? {};
    const from = { request, incoming, principal, breakOff: outgoing && breaksOff(outgoing) };
    switch (request.method) {
      case 'POST':
        return route.post(from, onRequestId);
      case 'GET':
        return route.get(from);
      case 'DELETE':
        return route.delete(from);
      default:
        return route.notAllowed();
    }
  };

  const breaksOff = (outgoing: { destroy(): unknown }) => (reason: unknown) => {
    outgoing.destroy();
    if (!(reason instanceof ClientTooSlow)) options.onBug(reason, randomUUID());
  };

  const explain = (error: unknown, requestId: JsonRpcId | undefined): Response => {
    if (error instanceof RequestRefused) return errorResponse(error.problem, error.message, requestId);
    if (error instanceof DurableMcpError) {
      if (error.code === 'store_unavailable' || error.code === 'store_not_set_up')
        options.onStoreError(error);
      const response = errorResponse(error.code, error.message, requestId);
      const challenge = resource && challengeOf(error, resource);
      if (challenge !== undefined) response.headers.set('WWW-Authenticate', challenge);
      return response;
    }
    return bugResponse(error, options.onBug, requestId);
  };

  return async (request, node) => {
    let requestId: JsonRpcId | undefined;
    try {
      return await answer(request, node, (id) => {
        requestId = id;
      });
    } catch (error) {
      return explain(error, requestId);
    }
  };
}

/** @throws TypeError for a mistake of whoever wrote the authentication, and what that throws */
async function principalOf(request: Request, authentication: Authentication): Promise<Principal | undefined> {
  const principal = await authentication.principalOf(request);
  if (principal === undefined || isNamed(principal)) return principal;
  throw new TypeError(
    'principal must be undefined, or have an issuer and a subject that are not empty: callers without would share ' +
      'their sessions',
  );
}
