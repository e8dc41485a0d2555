import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server';
import type { Changes } from '../../../domain/changes.ts';
import type { Principal } from '../../../domain/principal.ts';
import { isStatelessRevision } from '../../../domain/protocol-revision.ts';
import { requestIdOf } from '../../../domain/request-id.ts';
import type { JsonRpcId, McpReply } from '../../../ports/mcp-endpoint.ts';
import type { StatelessEndpoint } from '../../../ports/stateless-endpoint.ts';
import { refused, STOPPING } from '../refusal.ts';
import { ChangeBus } from './change-bus.ts';
import { listensForChanges, RequestServers, type ServesOneRequest } from './request-servers.ts';
import { claimedVersion, unsupportedRevision } from './unsupported-revision.ts';

/** Change streams that one instance has open at most. */
const MAX_SUBSCRIPTIONS = 10_000;
/** A comment this often tells proxies that a stream lives. */
const KEEP_ALIVE_MS = 25_000;
/** What the SDK answers with when its server was closed under the call. Nginx's, for a client that hung up. */
const CLOSED_EARLY = 499;

export interface SdkEndpointOptions {
  readonly server: ServesOneRequest;
  /** What `subscriptions/listen` streams tell of. */
  readonly changes: Changes;
  /** Told of what went wrong where nobody waits. */
  readonly onError: (error: unknown) => void;
}

/** Serves clients of 2026-07-28 with the SDK's own handler: a server for each request. */
export class SdkStatelessEndpoint implements StatelessEndpoint {
  readonly #servers: RequestServers;
  readonly #bus: ChangeBus;
  readonly #calls: ReturnType<typeof createMcpHandler>;
  /** Apart from the calls, so that a stop can end the streams and let calls finish. */
  readonly #listening: ReturnType<typeof createMcpHandler>;
  #unbroken = new AbortController();
  #endsStreams = false;
  #stopped = false;

  constructor({ server, changes, onError }: SdkEndpointOptions) {
    this.#servers = new RequestServers(server, onError);
    const bus = new ChangeBus({
      changes,
      onError,
      onMissed: () => this.#breakStreams(),
    });
    this.#bus = bus;
    const newHandler = () =>
      createMcpHandler(({ requestInfo }) => this.#servers.make(requestInfo as Request), {
        legacy: 'reject',
        bus,
        maxSubscriptions: MAX_SUBSCRIPTIONS,
        keepAliveMs: KEEP_ALIVE_MS,
      });
    this.#calls = newHandler();
    this.#listening = newHandler();
  }

  async serves(request: Request, body: unknown): Promise<boolean> {
    // What makes no such claim is answered in our own words, also where it is malformed.
    return claimsRevision(request.headers, body) && !(await isLegacyRequest(request, body));
  }

  async answer(
    request: Request,
    body: unknown,
    principal: Principal | undefined,
  ): Promise<Response | McpReply> {
    const id = requestIdOf(body);
    const listens = listensForChanges(body);
    const stopping = refused('stopping', STOPPING, id);
    if (this.#stopped || (listens && this.#endsStreams)) return stopping;
    if (this.#servers.areLegacy) return unsupportedRevision(body, id);
    // The SDK tells the client at once that it is listened for: from then on nothing may be missed.
    const release = listens ? await this.#bus.ready() : undefined;
    try {
      return listens && this.#endsStreams ? stopping : await this.#answer(request, body, principal, id);
    } finally {
      release?.();
    }
  }

  async #answer(
    request: Request,
    body: unknown,
    principal: Principal | undefined,
    id: JsonRpcId | undefined,
  ): Promise<Response | McpReply> {
    const listens = listensForChanges(body);
    const handler = listens ? this.#listening : this.#calls;
    const given = listens ? breakable(request, this.#unbroken.signal) : request;
    const served = this.#servers.begin(given, { principal, message: body });
    let response: Response | undefined;
    try {
      response = await handler.fetch(given, { parsedBody: body });
    } finally {
      served.answered(response);
    }
    served.rethrow();
    if (this.#servers.areLegacy) return unsupportedRevision(body, id);
    return response.status === CLOSED_EARLY && this.#stopped ? refused('stopping', STOPPING, id) : response;
  }

  /**
   * Ends the streams of changes, each with the result that says that it was on purpose (2026-07-28, Subscriptions,
   * Graceful Closure). Later ones are refused.
   */
  async endStreams(): Promise<void> {
    this.#endsStreams = true;
    await this.#listening.close();
  }

  /** Without the result, after which clients would not listen again: they come back, and read anew. */
  #breakStreams(): void {
    this.#unbroken.abort();
    this.#unbroken = new AbortController();
  }

  /** Resolves when no call runs. */
  idle(): Promise<void> {
    return this.#servers.idle();
  }

  /** Aborts what still runs. Later requests are refused. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.endStreams();
    await this.#calls.close();
  }
}

/** The request as it is, but that it is also given up with `signal`. */
function breakable({ url, method, headers, signal }: Request, other: AbortSignal): Request {
  return new Request(url, { method, headers, signal: AbortSignal.any([signal, other]) });
}

/** By the header, or in the body, in which older revisions say nothing of their version after `initialize`. */
function claimsRevision(headers: Headers, body: unknown): boolean {
  return isStatelessRevision(headers.get('mcp-protocol-version')) || claimedVersion(body) !== undefined;
}
