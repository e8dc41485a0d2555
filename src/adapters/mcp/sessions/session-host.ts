import { SessionNotFound } from '../../../domain/errors.ts';
import type { Principal } from '../../../domain/principal.ts';
import type { Session } from '../../../domain/session.ts';
import type { SessionHandle } from '../../../domain/stream-handle.ts';
import { STANDALONE_STREAM } from '../../../domain/stream-name.ts';
import { StreamWriter } from '../../../domain/stream-writer.ts';
import type { JsonRpcNotification, JsonRpcRequest, JsonRpcResponse } from '../jsonrpc.ts';
import { isObject } from '../jsonrpc.ts';
import { SESSION_ENDED } from '../refusal.ts';
import { Engagement, type EngagementOptions } from './engagement.ts';
import { type RequestIds, ServerRequests } from './server-requests.ts';
import { type NewServer, SessionServer } from './session-server.ts';
import type { Channel, Outlet, SessionWire } from './session-wire.ts';

export interface SessionHostOptions extends Omit<EngagementOptions, 'handle' | 'onPosted' | 'onSession'> {
  readonly newServer: (session: HostedSession) => ReturnType<NewServer>;
  readonly requestIds: RequestIds;
}

/** A session, and whose it is. */
export interface HostedSession extends SessionHandle {
  readonly principal: Principal | undefined;
}

/** All that this instance does for one session: its servers, what they ask the client, and what they send it. */
export class SessionHost implements Outlet {
  readonly handle: HostedSession;
  readonly #options: SessionHostOptions;
  readonly #requests: ServerRequests;
  readonly #engagement: Engagement;
  /** Those that were replaced serve the calls that they began. */
  readonly #servers = new Set<SessionServer>();
  #current: { version: number; readonly server: Promise<SessionServer> } | undefined;
  #standalone: StreamWriter | undefined;
  readonly #newServer: NewServer = () => this.#options.newServer(this.handle);

  constructor(handle: HostedSession, options: SessionHostOptions) {
    this.handle = handle;
    this.#options = options;
    this.#requests = new ServerRequests(options.requestIds);
    this.#engagement = new Engagement({
      ...options,
      handle,
      onPosted: (message, at) => this.#posted(message, at),
      onSession: () => void this.#checkSession(),
    });
  }

  /** Whether something would be lost if this were forgotten. */
  get isBusy(): boolean {
    if (this.#engagement.isHeld || this.#requests.size > 0) return true;
    for (const { wire } of this.#servers) if (wire.runningCalls > 0) return true;
    return false;
  }

  /** A server for the session that is about to be opened, to be {@link adopt}ed. */
  async start(): Promise<SessionServer> {
    return this.#admit(await SessionServer.start(this.handle.id, this.#newServer, this));
  }

  adopt(session: Session, server: SessionServer): void {
    server.wire.isOpen = true;
    this.#current = { version: session.version, server: Promise.resolve(server) };
  }

  /** The session's server, hydrated if there is none that is as new as `session`. */
  async server(session: Session): Promise<SessionServer> {
    const known = this.#current;
    if (known !== undefined && known.version >= session.version) return known.server;
    // Requests that come in together find this and wait for the same server.
    const hydrated = SessionServer.hydrate(session, this.handle.id, this.#newServer, this);
    const current = { version: session.version, server: hydrated.then((server) => this.#admit(server)) };
    this.#current = current;
    void known?.server.then((server) => this.#retire(server)).catch(() => {});
    try {
      return await current.server;
    } catch (error) {
      if (this.#current === current) this.#current = undefined;
      throw error;
    }
  }

  /** Notes that the session's server itself went through the change that `session` is the outcome of. */
  changed(session: Session): void {
    // With a foreign change in between, the server lacks that one and is hydrated anew.
    if (this.#current?.version === session.version - 1) this.#current.version = session.version;
  }

  /** Makes this instance seen to be alive, and hear what the client posts to others, until the returned call. */
  engage(): Promise<() => void> {
    return this.#engagement.hold();
  }

  /** @returns false if the call does not run here */
  cancel(notification: JsonRpcNotification, postedAt?: number): boolean {
    let found = false;
    for (const { wire } of this.#servers) found = wire.cancel(notification, postedAt) || found;
    return found;
  }

  answer(response: JsonRpcResponse): void {
    this.#requests.answer(response);
  }

  progress(notification: JsonRpcNotification): void {
    this.#requests.progress(notification);
  }

  /** Ends running calls with an error that says why, those of one channel or all. */
  abandon(message: string, channel?: Parameters<SessionWire['abandon']>[1]): void {
    for (const { wire } of this.#servers) wire.abandon(message, channel);
  }

  /** Closes the session's server once it has nothing left to do. */
  retire(): void {
    void this.#current?.server.then((server) => this.#retire(server)).catch(() => {});
    this.#current = undefined;
  }

  // What follows is called by the servers' wires.

  async send(message: JsonRpcRequest | JsonRpcNotification): Promise<void> {
    const { streams } = this.#options;
    const handle = { ...this.handle, stream: STANDALONE_STREAM };
    this.#standalone ??= new StreamWriter(
      streams,
      handle,
      () => streams.options.clock.now() >= handle.session.endsAt,
    );
    try {
      await this.#standalone.send([JSON.stringify(message)]);
    } catch (error) {
      // Nobody is left who could have it.
      if (!(error instanceof SessionNotFound)) throw error;
    }
  }

  async ask(wire: SessionWire, request: JsonRpcRequest, channel: Channel): Promise<void> {
    const release = await this.#engagement.hold();
    const asked = this.#requests.register(wire, request, () => {
      release();
      for (const server of this.#servers) if (server.wire === wire) server.settled();
    });
    try {
      await channel.send(asked);
    } catch (error) {
      this.#requests.drop(asked);
      throw error;
    }
  }

  async withdraw(wire: SessionWire, cancellation: JsonRpcNotification, channel: Channel): Promise<void> {
    const known = this.#requests.withdraw(wire, cancellation);
    if (known !== undefined) await channel.send(known);
  }

  onError(error: unknown): void {
    this.#options.streams.options.onError(error);
  }

  closed(wire: SessionWire): void {
    // Also where its author closed it: the next request is for another one.
    const current = this.#current;
    void current?.server
      .then((server) => {
        if (server.wire === wire && this.#current === current) this.#current = undefined;
      })
      .catch(() => {});
    this.#requests.forget(wire);
    for (const server of this.#servers) if (server.wire === wire) this.#servers.delete(server);
  }

  #admit(server: SessionServer): SessionServer {
    this.#servers.add(server);
    return server;
  }

  #retire(server: SessionServer): void {
    server.retire(() => this.#requests.waitsFor(server.wire));
  }

  /** What the client posted to another instance. */
  #posted(message: unknown, at: number): void {
    if (!isObject(message)) return;
    const { method } = message;
    if (method === undefined) this.answer(message as unknown as JsonRpcResponse);
    const notification = message as unknown as JsonRpcNotification;
    if (method === 'notifications/progress') this.progress(notification);
    if (method === 'notifications/cancelled') this.cancel(notification, at);
  }

  async #checkSession(): Promise<void> {
    try {
      if (await this.#options.isGone(this.handle.session.ref)) this.abandon(SESSION_ENDED);
    } catch (error) {
      this.#options.streams.options.onError(error);
    }
  }
}
