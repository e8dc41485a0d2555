import { randomUUID } from 'node:crypto';
import { createMcpHandler, McpServer, type Server, type ServerEventBus } from '@modelcontextprotocol/server';
import type { Principal } from '../../../domain/principal.ts';
import { requestIdOf } from '../../../domain/request-id.ts';
import type { McpReply } from '../../../ports/mcp-endpoint.ts';
import type { InFlightItem } from '../in-flight.ts';
import { refused, STOPPING } from '../refusal.ts';
import type { ConnectableServer } from '../server-factory.ts';
import {
  assertConnectable,
  isOfAnotherCopy,
  isStatelessServer,
  secondCopyError,
} from './server-generation.ts';
import { answerInPlainWords, watchServer } from './server-watch.ts';
import { unsupportedRevision } from './unsupported-revision.ts';

/** A comment this often tells proxies that a stream lives. */
const KEEP_ALIVE_MS = 25_000;
/** What the SDK answers with when its server was closed under the call. Nginx's, for a client that hung up. */
const CLOSED_EARLY = 499;
/** What the SDK answers with where it failed itself. Errors of tools are answered with 200. */
const SDK_FAILED = 500;

/** One request of 2026-07-28, as a server is made for it. */
export interface RequestOrigin {
  readonly principal: Principal | undefined;
  /** The JSON-RPC message. */
  readonly message: unknown;
  /** Told of an error of the store for which the message's request state cannot be verified. */
  readonly onUnverified: (error: unknown) => void;
}

/** Makes the server of one request. */
export type ServesOneRequest = (origin: RequestOrigin) => ConnectableServer | Promise<ConnectableServer>;

export interface ServedRequestOptions extends Pick<RequestOrigin, 'principal' | 'message'> {
  readonly server: ServesOneRequest;
  readonly bus: ServerEventBus;
  /** Streams that the request may open. */
  readonly maxSubscriptions: number;
  /** Whether requests of this kind are to begin no more. */
  readonly isStopping: () => boolean;
  /** Told of servers that could not be closed. */
  readonly onError: (error: unknown) => void;
  /** Told of an error that comes when a stream is already the answer. */
  readonly onBug: (error: unknown, reference: string) => void;
}

/** A server for one request is closed with it, and what watches it says whose request an error is of. */
const servedBefore = new WeakSet<Server>();

/**
 * A request from before its server is made until its answer is complete. It has a handler of the SDK to itself: of
 * one that is shared nobody can say which request the errors are of that it reports.
 */
export class ServedRequest implements InFlightItem {
  place = 0;
  readonly #options: ServedRequestOptions;
  readonly #handler: ReturnType<typeof createMcpHandler>;
  #server: Server | undefined;
  /** What is answered, or thrown, whatever the SDK answers. */
  #instead: { readonly answer: Response | McpReply } | { readonly error: unknown } | undefined;
  #lastReport: Error | undefined;
  #unverified: { readonly error: unknown } | undefined;
  #isAnswered = false;

  constructor(options: ServedRequestOptions) {
    this.#options = options;
    this.#handler = createMcpHandler(() => this.#make(), {
      legacy: 'reject',
      bus: options.bus,
      maxSubscriptions: options.maxSubscriptions,
      keepAliveMs: KEEP_ALIVE_MS,
      // Also told of requests that are refused: only where the SDK answers that it failed is it a fault.
      onerror: (error) => {
        this.#lastReport = error;
      },
    });
  }

  /**
   * @throws what the author's factory threw or the SDK failed with, and if it made no server, or an answer that JSON
   *   cannot carry; StoreUnavailable where a request state cannot be verified for it
   */
  async answer(request: Request): Promise<Response | McpReply> {
    const response = await this.#handler.fetch(request, { parsedBody: this.#options.message });
    this.#isAnswered = true;
    if (this.#instead !== undefined) {
      if ('error' in this.#instead) throw this.#instead.error;
      return this.#instead.answer;
    }
    const { status } = response;
    if ((status === CLOSED_EARLY || status === SDK_FAILED) && this.#options.isStopping())
      return this.#stopping();
    if (status === SDK_FAILED) throw this.#lastReport ?? new Error('the SDK failed without saying why');
    return response;
  }

  /** To be called once there is an answer or none can come. Calls `onOver` when the server has nothing left to do. */
  whenOver(onOver: () => void): void {
    // The SDK closes a server when it has given all of its answer.
    const server = this.#server;
    if (server?.transport === undefined) {
      onOver();
      return;
    }
    const { onclose } = server;
    server.onclose = () => {
      onOver();
      onclose?.();
    };
  }

  /** Ends what the server still does, and streams with the result that says that it was on purpose. */
  close(): Promise<void> {
    return this.#handler.close();
  }

  async #make(): Promise<McpServer | Server> {
    const { server, isStopping, principal, message } = this.#options;
    if (isStopping()) return this.#answerInstead(this.#stopping());
    let made: ConnectableServer;
    try {
      const onUnverified = (error: unknown): void => {
        this.#unverified = { error };
      };
      made = await server({ principal, message, onUnverified });
      assertConnectable(made);
    } catch (error) {
      return this.#throwInstead(error);
    }
    if (isStatelessServer(made) && !isStopping()) return this.#watched(made);
    this.#close(made);
    if (isStopping()) return this.#answerInstead(this.#stopping());
    if (isOfAnotherCopy(made)) {
      return this.#throwInstead(secondCopyError());
    }
    return this.#answerInstead(unsupportedRevision(message, requestIdOf(message)));
  }

  #watched<Made extends McpServer | Server>(made: Made): Made {
    const server: Server = made instanceof McpServer ? made.server : made;
    if (servedBefore.has(server)) {
      const problem =
        'the server factory returned a server that it returned before: each request needs a new one';
      return this.#throwInstead(new TypeError(problem));
    }
    servedBefore.add(server);
    this.#server = server;
    answerInPlainWords(server);
    watchServer(server, {
      onNotSent: (error) => this.#notSent(error, server),
      // A tool may verify a state by itself too, and have an answer where it cannot.
      onNotVerified: () => {
        this.#instead ??= this.#unverified;
      },
    });
    return made;
  }

  /** The SDK would let the client wait for ever. */
  #notSent(error: Error, server: Server): void {
    if (this.#isAnswered) this.#options.onBug(error, randomUUID());
    else this.#instead = { error };
    this.#close(server);
  }

  #close(server: ConnectableServer): void {
    (async () => server.close())().catch(this.#options.onError);
  }

  #stopping(): McpReply {
    return refused('stopping', STOPPING, requestIdOf(this.#options.message));
  }

  /** The SDK is to give up, whatever it makes of the error. */
  #answerInstead(answer: Response | McpReply): never {
    this.#instead = { answer };
    throw new Error('the request is refused');
  }

  #throwInstead(error: unknown): never {
    this.#instead = { error };
    throw error;
  }
}
