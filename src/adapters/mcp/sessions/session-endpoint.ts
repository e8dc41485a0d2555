import { type InitializeParams, newSessionId, type Session } from '../../../domain/session.ts';
import { SessionState, type SessionStateOptions } from '../../../domain/session-state.ts';
import type {
  JsonRpcId,
  McpCaller,
  McpEndpoint,
  McpReply,
  ProtocolProblem,
} from '../../../ports/mcp-endpoint.ts';
import {
  classify,
  type Incoming,
  type JsonRpcRequest,
  type JsonRpcResponse,
  readableId,
} from '../jsonrpc.ts';
import { BATCH_PROTOCOL_VERSION, SESSION_PROTOCOL_VERSIONS } from './protocol-versions.ts';
import { recordSessionChange } from './session-changes.ts';
import type { ServerFactory, SessionServer } from './session-server.ts';
import { SessionServers } from './session-servers.ts';

/** Messages of one batch at most. */
const BATCH_MESSAGES = 100;

const STOPPING = 'This server is stopping. Whether the call took effect is unknown: call again.';
const TERMINATED = 'The session was ended while this call ran.';

/** Serves clients of the revisions 2024-11-05 to 2025-11-25, which have sessions. */
export class SessionEndpoint implements McpEndpoint {
  readonly #options: SessionStateOptions;
  readonly #servers: SessionServers;
  /** Ends the answers that are still awaited. */
  readonly #awaited = new Set<() => void>();
  #stopping = false;

  constructor(options: SessionStateOptions & { readonly server: ServerFactory }) {
    this.#options = options;
    this.#servers = new SessionServers(options.server);
  }

  post(body: unknown, caller: McpCaller): Promise<McpReply> {
    return this.#untilStopped(readableId(body), () => this.#post(body, caller));
  }

  terminate(caller: McpCaller): Promise<McpReply> {
    return this.#untilStopped(undefined, () => this.#terminate(caller));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#servers.stop(STOPPING);
    // Those answers are on their way now.
    await new Promise((resolve) => setImmediate(resolve));
    // What waits for the store, or for a server that was replaced, is not in the hands of those servers.
    for (const end of [...this.#awaited]) end();
  }

  async #untilStopped(requestId: JsonRpcId | undefined, answer: () => Promise<McpReply>): Promise<McpReply> {
    const stopped = refused('stopping', STOPPING, requestId);
    if (this.#stopping) return stopped;
    // Not a race against one promise for all: that would keep every answer ever given.
    let end = (): void => {};
    const ended = new Promise<McpReply>((resolve) => {
      end = () => resolve(stopped);
    });
    this.#awaited.add(end);
    try {
      return await Promise.race([answer(), ended]);
    } finally {
      this.#awaited.delete(end);
    }
  }

  async #post(body: unknown, caller: McpCaller): Promise<McpReply> {
    const isBatch = Array.isArray(body);
    if (isBatch && (body.length === 0 || body.length > BATCH_MESSAGES)) {
      return refused('invalid_message', `a batch must hold 1 to ${BATCH_MESSAGES} messages`);
    }
    const messages: Incoming[] = [];
    for (const value of isBatch ? body : [body]) {
      const message = classify(value);
      if (message.kind === 'invalid') return refused('invalid_message', message.problem, readableId(body));
      messages.push(message);
    }
    const initialize = messages.find(isInitialize);
    if (initialize !== undefined) {
      if (isBatch) return refused('invalid_message', 'initialize must not be part of a batch');
      return this.#initialize(initialize.message, caller);
    }
    const { session, refusal } = await this.#session(caller, readableId(body));
    if (refusal !== undefined) return refusal;
    if (isBatch && session.protocolVersion !== BATCH_PROTOCOL_VERSION) {
      return refused(
        'invalid_message',
        `a batch is only allowed in a session of protocol version ${BATCH_PROTOCOL_VERSION}`,
      );
    }
    return this.#deliver(messages, isBatch, session, caller.sessionId as string);
  }

  async #terminate(caller: McpCaller): Promise<McpReply> {
    const { session, refusal } = await this.#session(caller, undefined);
    if (refusal !== undefined) return refusal;
    await this.#options.sessions.close(caller.sessionId as string, caller.principal);
    await this.#servers.drop(session.ref, TERMINATED);
    return { kind: 'accepted' };
  }

  async #session(
    caller: McpCaller,
    requestId: JsonRpcId | undefined,
  ): Promise<{ session: Session; refusal?: undefined } | { session?: undefined; refusal: McpReply }> {
    const { sessionId, protocolVersion, principal } = caller;
    if (sessionId === undefined) {
      return {
        refusal: refused(
          'session_id_required',
          'The Mcp-Session-Id header is missing: send initialize first, then its session id with every request',
          requestId,
        ),
      };
    }
    // Without the header the session's own version counts (2025-11-25, Protocol Version Header).
    if (protocolVersion !== undefined && !SESSION_PROTOCOL_VERSIONS.includes(protocolVersion)) {
      return {
        refusal: refused(
          'unsupported_protocol_version',
          `MCP-Protocol-Version is not supported here; supported are ${SESSION_PROTOCOL_VERSIONS.join(', ')}`,
          requestId,
        ),
      };
    }
    return { session: await this.#options.sessions.resolve(sessionId, principal) };
  }

  async #initialize(request: JsonRpcRequest, caller: McpCaller): Promise<McpReply> {
    if (caller.sessionId !== undefined) {
      return refused(
        'invalid_message',
        'initialize opens a new session: send it without an Mcp-Session-Id header',
        request.id,
      );
    }
    const id = newSessionId();
    const server = await this.#servers.start(this.#state(id));
    try {
      const response = await server.request(request);
      if ('error' in response) {
        await server.close();
        return { kind: 'answered', body: response };
      }
      const { session } = await this.#options.sessions.open(
        {
          principal: caller.principal,
          initialize: request.params as unknown as InitializeParams,
          protocolVersion: String(response.result['protocolVersion']),
        },
        id,
      );
      this.#servers.adopt(session, server);
      return { kind: 'answered', body: response, sessionId: id };
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  async #deliver(
    messages: readonly Incoming[],
    isBatch: boolean,
    session: Session,
    sessionId: string,
  ): Promise<McpReply> {
    const server = await this.#servers.get(session, this.#state(sessionId));
    const calls: Promise<JsonRpcResponse>[] = [];
    for (const { kind, message } of messages) {
      if (kind === 'request') calls.push(this.#call(server, session, message));
      else if (kind === 'notification') server.notify(message);
      else server.respond(message);
    }
    if (calls.length === 0) return { kind: 'accepted' };
    const responses = await Promise.all(calls);
    return { kind: 'answered', body: isBatch ? responses : responses[0] };
  }

  async #call(server: SessionServer, session: Session, request: JsonRpcRequest): Promise<JsonRpcResponse> {
    const response = await server.request(request);
    if ('error' in response) return response;
    const changed = await recordSessionChange(this.#options.sessions, session.ref, request);
    if (changed !== undefined) this.#servers.changed(changed);
    return response;
  }

  #state(sessionId: string): SessionState {
    return new SessionState(sessionId, this.#options);
  }
}

function isInitialize(incoming: Incoming): incoming is Extract<Incoming, { kind: 'request' }> {
  return incoming.kind === 'request' && incoming.message.method === 'initialize';
}

function refused(problem: ProtocolProblem, message: string, requestId?: JsonRpcId): McpReply {
  return { kind: 'refused', problem, message, requestId };
}
