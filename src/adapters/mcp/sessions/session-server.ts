import type { Session } from '../../../domain/session.ts';
import type { JsonRpcNotification, JsonRpcRequest, JsonRpcResponse } from '../jsonrpc.ts';
import type { ConnectableServer } from '../server-factory.ts';
import { LooseEnd } from './loose-end.ts';
import { type CallChannel, type Outlet, SessionWire } from './session-wire.ts';

/** Makes one more server for the session. */
export type NewServer = () => ConnectableServer | Promise<ConnectableServer>;

/** One session's server on this instance. */
export class SessionServer {
  readonly wire: SessionWire;
  readonly #server: ConnectableServer;
  readonly #outlet: Outlet;
  #closed: Promise<void> | undefined;
  #capabilities: unknown;
  #retired = false;
  #hasPending: () => boolean = () => false;

  private constructor(server: ConnectableServer, wire: SessionWire, outlet: Outlet) {
    this.#server = server;
    this.#outlet = outlet;
    this.wire = wire;
  }

  /** A server that has yet to be initialized. */
  static async start(sessionId: string, newServer: NewServer, outlet: Outlet): Promise<SessionServer> {
    const wire = new SessionWire(sessionId, outlet);
    const server = await newServer();
    await server.connect(wire);
    wire.answer = server.answer?.bind(server);
    wire.onClosed = () => void server.connect(new LooseEnd()).catch(() => {});
    return new SessionServer(server, wire, outlet);
  }

  /**
   * A server in the state of one that served the session before: the requests that shaped it are replayed into
   * it, and what it answers or says is dropped. `notifications/initialized` is not among them, because what a
   * server does on it belongs to the session's beginning.
   */
  static async hydrate(
    session: Session,
    sessionId: string,
    newServer: NewServer,
    outlet: Outlet,
  ): Promise<SessionServer> {
    const hydrated = await SessionServer.start(sessionId, newServer, outlet);
    for (const request of shapingRequests(session)) {
      const response = await hydrated.request(request, session.createdAt);
      if ('error' in response) {
        await hydrated.close();
        throw new Error(`replay of ${request.method} failed: ${response.error.message}`);
      }
    }
    hydrated.wire.isOpen = true;
    return hydrated;
  }

  /** What the server offers, as it answered `initialize`; `undefined` before. */
  get capabilities(): unknown {
    return this.#capabilities;
  }

  /** @param now Unix milliseconds */
  async request(request: JsonRpcRequest, now: number, channel?: CallChannel): Promise<JsonRpcResponse> {
    try {
      const response = await this.wire.request(request, now, channel);
      if (request.method === 'initialize' && 'result' in response) {
        this.#capabilities = response.result['capabilities'];
      }
      return response;
    } finally {
      this.#closeIfDone();
    }
  }

  notify(notification: JsonRpcNotification): void {
    this.wire.notify(notification);
  }

  /**
   * Closes as soon as its last call has ended and nothing is asked of the client.
   * @param hasPending whether the server still waits for an answer
   */
  retire(hasPending: () => boolean): void {
    this.#retired = true;
    this.#hasPending = hasPending;
    this.#closeIfDone();
  }

  /** To be called when something that it waited for is settled. */
  settled(): void {
    this.#closeIfDone();
  }

  /** Never rejects: what an author's `onclose` throws is the author's to hear of. */
  close(): Promise<void> {
    // Once: a second time would close the loose end that the server is connected to by then.
    this.#closed ??= this.#server.close().catch((error: unknown) => this.#outlet.onError(error));
    return this.#closed;
  }

  #closeIfDone(): void {
    const isDone = (): boolean => this.#retired && this.wire.runningCalls === 0 && !this.#hasPending();
    // Not before the SDK is done with the call: it would abort what has just ended.
    if (isDone()) setImmediate(() => isDone() && void this.close());
  }
}

function shapingRequests(session: Session): JsonRpcRequest[] {
  const requests: Omit<JsonRpcRequest, 'jsonrpc' | 'id'>[] = [];
  if (session.initialize !== undefined) {
    // The revision that was agreed on then, so that a newer SDK does not settle on another one.
    const protocolVersion = session.protocolVersion ?? session.initialize.protocolVersion;
    requests.push({ method: 'initialize', params: { ...session.initialize, protocolVersion } });
  }
  if (session.logLevel !== undefined) {
    requests.push({ method: 'logging/setLevel', params: { level: session.logLevel } });
  }
  for (const uri of session.subscriptions) requests.push({ method: 'resources/subscribe', params: { uri } });
  return requests.map((request, index) => ({ jsonrpc: '2.0', id: index, ...request }));
}
