import { isLegacyRequest } from '@modelcontextprotocol/server';
import type { Changes } from '../../../domain/changes.ts';
import type { Occupancy } from '../../../domain/occupancy.ts';
import type { Principal } from '../../../domain/principal.ts';
import { isStatelessRevision } from '../../../domain/protocol-revision.ts';
import { isRequestId } from '../../../domain/request-id.ts';
import type { McpReply } from '../../../ports/mcp-endpoint.ts';
import type { BreakOff, StatelessEndpoint } from '../../../ports/stateless-endpoint.ts';
import { isObject, REQUEST_ID_RULE } from '../jsonrpc.ts';
import { refused } from '../refusal.ts';
import { ListenStreams } from './listen-streams.ts';
import { RunningCalls } from './running-calls.ts';
import type { ServesOneRequest } from './served-request.ts';
import { claimedVersion } from './unsupported-revision.ts';

export interface SdkEndpointOptions {
  readonly server: ServesOneRequest;
  /** What `subscriptions/listen` streams tell of. */
  readonly changes: Changes;
  readonly occupancy: Occupancy;
  /** Told of what went wrong where nobody waits. */
  readonly onError: (error: unknown) => void;
  /** Told of errors that nobody foresaw and that no answer tells of any more, each with a reference of its own. */
  readonly onBug: (error: unknown, reference: string) => void;
}

/** Serves clients of 2026-07-28 with the SDK's own handler: a server for each request. */
export class SdkStatelessEndpoint implements StatelessEndpoint {
  readonly #calls: RunningCalls;
  /** Apart from the calls, so that a stop can end the streams and let calls finish. */
  readonly #streams: ListenStreams;

  constructor(options: SdkEndpointOptions) {
    this.#streams = new ListenStreams(options);
    this.#calls = new RunningCalls({ ...options, bus: this.#streams.bus });
  }

  async serves(request: Request, body: unknown): Promise<boolean> {
    // What makes no such claim is answered in our own words, also where it is malformed.
    return claimsRevision(request.headers, body) && !(await isLegacyRequest(request, body));
  }

  answer(
    request: Request,
    body: unknown,
    principal: Principal | undefined,
    breakOff?: BreakOff,
  ): Promise<Response | McpReply> {
    // The SDK would answer a number that JavaScript rounds with the rounded one, and have no bound for texts.
    if (isObject(body) && 'id' in body && !isRequestId(body['id'])) {
      return Promise.resolve(refused('invalid_message', REQUEST_ID_RULE));
    }
    const kind = listensForChanges(body) ? this.#streams : this.#calls;
    return kind.answer(request, body, principal, breakOff);
  }

  /** Ends the streams of changes. Later ones are refused. */
  endStreams(): Promise<void> {
    return this.#streams.end();
  }

  /** Resolves when no call runs. */
  idle(): Promise<void> {
    return this.#calls.idle();
  }

  /** Aborts what still runs. Later requests are refused. */
  async stop(): Promise<void> {
    await Promise.all([this.#streams.end(), this.#calls.stop()]);
  }
}

function listensForChanges(message: unknown): boolean {
  return isObject(message) && message['method'] === 'subscriptions/listen';
}

/** By the header, or in the body, in which older revisions say nothing of their version after `initialize`. */
function claimsRevision(headers: Headers, body: unknown): boolean {
  return isStatelessRevision(headers.get('mcp-protocol-version')) || claimedVersion(body) !== undefined;
}
