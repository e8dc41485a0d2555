import type { Changes } from '../../../domain/changes.ts';
import type { Liveness } from '../../../domain/liveness.ts';
import type { Occupancy } from '../../../domain/occupancy.ts';
import { requestIdOf } from '../../../domain/request-id.ts';
import type { Session } from '../../../domain/session.ts';
import { parseEventId, STANDALONE_STREAM } from '../../../domain/stream-name.ts';
import type { Streams } from '../../../domain/streams.ts';
import { within } from '../../../domain/within.ts';
import type { JsonRpcId, McpCaller, McpEndpoint, McpReply } from '../../../ports/mcp-endpoint.ts';
import { CallerSession, type CallerSessionOptions } from '../caller-session.ts';
import type { Incoming, JsonRpcRequest, JsonRpcResponse } from '../jsonrpc.ts';
import { BATCH_PROTOCOL_VERSION, primes, SESSION_PROTOCOL_VERSIONS } from '../protocol-versions.ts';
import { refused, SESSION_ENDED, STOPPING } from '../refusal.ts';
import type { ServerFactory } from '../server-factory.ts';
import { Announcements } from './announcements.ts';
import { Connections } from './connections.ts';
import type { Exchange } from './exchange.ts';
import { Exchanges } from './exchanges.ts';
import { PendingReplies } from './pending-replies.ts';
import { type PostBody, readPostBody } from './post-body.ts';
import { isForAsker, Postbox } from './postbox.ts';
import { RequestIds } from './server-requests.ts';
import { recordSessionChange } from './session-changes.ts';
import type { SessionHost } from './session-host.ts';
import { SessionHosts } from './session-hosts.ts';
import { SessionOpener } from './session-opener.ts';
import type { SessionServer } from './session-server.ts';
import { StreamConnection } from './stream-connection.ts';
import { StreamOpener } from './stream-opener.ts';

/** For the last answers to reach the log. */
const STOP_MS = 1_000;

export interface SessionEndpointOptions extends CallerSessionOptions {
  readonly server: ServerFactory;
  readonly streams: Streams;
  readonly liveness: Liveness;
  readonly changes: Changes;
  readonly occupancy: Occupancy;
}

interface Call {
  readonly server: SessionServer;
  readonly host: SessionHost;
  readonly exchange: Exchange;
  readonly session: Session;
  /** Unix milliseconds. A cancellation may come in elsewhere before the call has reached its server. */
  readonly arrivedAt: number;
}

/** What is to be delivered of one POST. */
interface Delivery extends Pick<PostBody, 'messages' | 'isBatch'> {
  readonly arrivedAt: number;
  readonly requests: readonly JsonRpcRequest[];
  /** Gives back the place that its calls have. */
  readonly leave: () => void;
}

/** Serves clients of the revisions 2024-11-05 to 2025-11-25, which have sessions. */
export class SessionEndpoint implements McpEndpoint {
  readonly #options: SessionEndpointOptions;
  readonly #hosts: SessionHosts;
  readonly #exchanges: Exchanges;
  readonly #connections = new Connections();
  readonly #opener: StreamOpener;
  readonly #announcements: Announcements;
  readonly #postbox: Postbox;
  readonly #pending = new PendingReplies();
  readonly #opening: SessionOpener;

  constructor(options: SessionEndpointOptions) {
    this.#options = options;
    const { sessions, streams, liveness } = options;
    this.#hosts = new SessionHosts({
      newServer: ({ id, principal }) =>
        options.server(new CallerSession({ sessionId: id, principal }, options)),
      streams,
      liveness,
      requestIds: new RequestIds(liveness.instance),
      isGone: async (ref) => (await sessions.fresh(ref)) === undefined,
    });
    this.#exchanges = new Exchanges({
      streams,
      instance: liveness.instance,
      connections: this.#connections,
      activity: sessions.activity,
    });
    this.#opener = new StreamOpener({
      streams,
      liveness,
      isRunning: (stream) => this.#exchanges.isRunning(stream),
    });
    this.#announcements = new Announcements({
      changes: options.changes,
      streams,
      fresh: (ref) => sessions.fresh(ref),
      capabilitiesOf: async ({ id }, session) => {
        const host = this.#hosts.get({ session, id, principal: session.principal });
        return (await host.server(session)).capabilities;
      },
    });
    this.#opening = new SessionOpener(sessions, this.#hosts);
    this.#postbox = new Postbox(streams, liveness, this.#hosts);
  }

  post(body: unknown, caller: McpCaller): Promise<McpReply> {
    const arrivedAt = this.#options.sessions.now();
    return this.#pending.wait(requestIdOf(body), () => this.#post(body, caller, arrivedAt));
  }

  listen(caller: McpCaller, lastEventId: string | undefined): Promise<McpReply> {
    if (this.#connections.isEnding) return Promise.resolve(refused('stopping', STOPPING));
    return this.#pending.wait(undefined, () => this.#listen(caller, lastEventId));
  }

  terminate(caller: McpCaller): Promise<McpReply> {
    return this.#pending.wait(undefined, () => this.#terminate(caller));
  }

  endStreams(): void {
    this.#connections.end();
  }

  async idle(): Promise<void> {
    await this.#pending.idle();
    await this.#exchanges.idle();
  }

  async stop(): Promise<void> {
    this.#pending.close();
    this.endStreams();
    this.#hosts.stop(STOPPING);
    // Those answers are on their way now, some of them to the log.
    await within(this.#exchanges.idle(), STOP_MS);
    await new Promise((resolve) => setImmediate(resolve));
    // What waits for the store, or for a server that was replaced, is not in the hands of those servers.
    this.#pending.end();
  }

  async #post(body: unknown, caller: McpCaller, arrivedAt: number): Promise<McpReply> {
    const read = readPostBody(body);
    if ('refusal' in read) return read.refusal;
    const { messages, isBatch, initialize } = read;
    if (initialize !== undefined) return this.#opening.open(initialize, caller);
    // A call must be fast, and the state that it touches is checked by the store itself; all else is rare.
    const certain = !messages.every(isToolCall);
    const { session, refusal } = await this.#session(caller, { certain, requestId: requestIdOf(body) });
    if (refusal !== undefined) return refusal;
    if (isBatch && session.protocolVersion !== BATCH_PROTOCOL_VERSION) {
      return refused(
        'invalid_message',
        `a batch is only allowed in a session of protocol version ${BATCH_PROTOCOL_VERSION}`,
      );
    }
    return this.#deliver({ messages, isBatch, arrivedAt }, session, caller);
  }

  async #listen(caller: McpCaller, lastEventId: string | undefined): Promise<McpReply> {
    const { session, refusal } = await this.#session(caller, { certain: true });
    if (refusal !== undefined) return refusal;
    const leave = this.#options.occupancy.take({ ref: session.ref, stream: streamOf(lastEventId) });
    const stay = this.#options.sessions.activity.hold(session);
    const attendance = (): void => {
      stay();
      leave();
    };
    try {
      const opened = await this.#announcements.open(this.#opener, {
        handle: { session, id: caller.sessionId as string },
        lastEventId,
        primes: primes(session.protocolVersion),
        onOver: (connection) => {
          attendance();
          this.#connections.delete(connection);
        },
      });
      if (opened instanceof StreamConnection) {
        this.#connections.add(opened);
        return { kind: 'streamed', events: opened };
      }
      attendance();
      if (opened === 'finished') return { kind: 'finished' };
      return refused(
        'unknown_event_id',
        'Last-Event-ID names no event of this session that is kept: open a new stream, or call again',
      );
    } catch (error) {
      attendance();
      throw error;
    }
  }

  async #terminate(caller: McpCaller): Promise<McpReply> {
    const { session, refusal } = await this.#session(caller, { certain: true });
    if (refusal !== undefined) return refusal;
    await this.#options.sessions.close(session.ref, caller.principal);
    this.#hosts.drop(session.ref, SESSION_ENDED);
    return { kind: 'accepted' };
  }

  async #session(
    caller: McpCaller,
    { certain, requestId }: { readonly certain: boolean; readonly requestId?: JsonRpcId | undefined },
  ): Promise<{ session: Session; refusal?: undefined } | { session?: undefined; refusal: McpReply }> {
    const { sessionId, protocolVersion, principal } = caller;
    // First, since a client of a revision without sessions has no use for a session id.
    // Without the header the session's own version counts (2025-11-25, Protocol Version Header).
    if (protocolVersion !== undefined && !SESSION_PROTOCOL_VERSIONS.includes(protocolVersion)) {
      return {
        refusal: refused(
          'unsupported_protocol_version',
          `MCP-Protocol-Version is not supported with sessions; supported are ${SESSION_PROTOCOL_VERSIONS.join(', ')}`,
          requestId,
        ),
      };
    }
    if (sessionId === undefined) {
      return {
        refusal: refused(
          'session_id_required',
          'The Mcp-Session-Id header is missing: send initialize first, then its session id with every request',
          requestId,
        ),
      };
    }
    return { session: await this.#options.sessions.resolve(sessionId, principal, { certain }) };
  }

  async #deliver(
    { messages, isBatch, arrivedAt }: Omit<Delivery, 'requests' | 'leave'>,
    session: Session,
    caller: McpCaller,
  ): Promise<McpReply> {
    const requests = messages.flatMap(({ kind, message }) => (kind === 'request' ? [message] : []));
    // What a client answers, and its cancellations, find a way through where there is no room for more.
    const leave = requests.length === 0 ? () => {} : this.#options.occupancy.take({ ref: session.ref });
    try {
      return await this.#deliverTo(session, { messages, isBatch, arrivedAt, requests, leave }, caller);
    } catch (error) {
      leave();
      throw error;
    }
  }

  async #deliverTo(
    session: Session,
    { messages, isBatch, arrivedAt, requests, leave }: Delivery,
    caller: McpCaller,
  ): Promise<McpReply> {
    const handle = { session, id: caller.sessionId as string, principal: caller.principal };
    let host: SessionHost | undefined;
    for (const { kind, message } of messages) {
      if (kind === 'request') continue;
      if (kind === 'response' || isForAsker(message)) await this.#postbox.post(message, handle);
      else {
        host ??= this.#hosts.get(handle);
        (await host.server(session)).notify(message);
      }
    }
    if (requests.length === 0) return { kind: 'accepted' };
    host ??= this.#hosts.get(handle);
    const server = await host.server(session);
    const exchange = this.#exchanges.begin({
      host,
      handle,
      session,
      requests: requests.map(({ id }) => id),
      isBatch,
      requestInfo: caller.request,
      leave,
    });
    for (const request of requests) void this.#call({ server, host, exchange, session, arrivedAt }, request);
    return exchange.reply;
  }

  /** Never rejects: whatever comes of the call is its answer. */
  async #call(call: Call, request: JsonRpcRequest): Promise<void> {
    const { server, host, exchange, session, arrivedAt } = call;
    let response: JsonRpcResponse = await server.request(request, arrivedAt, exchange);
    if (!('error' in response)) {
      try {
        const changed = await recordSessionChange(this.#options.sessions, session.ref, request);
        if (changed !== undefined) host.changed(changed);
      } catch (error) {
        if (exchange.refuse(error)) return;
        response = this.#exchanges.failure(request.id, error);
      }
    }
    exchange.answer(response);
  }
}

function isToolCall(incoming: Incoming): boolean {
  return incoming.kind === 'request' && incoming.message.method === 'tools/call';
}

/** The stream that a client connects to, if there is one of that name. */
function streamOf(lastEventId: string | undefined): string {
  const named = lastEventId === undefined ? undefined : parseEventId(lastEventId);
  return named?.stream ?? STANDALONE_STREAM;
}
