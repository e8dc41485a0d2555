import { McpServer, Server } from '@modelcontextprotocol/server';
import type { Principal } from '../../../domain/principal.ts';
import { isObject } from '../jsonrpc.ts';
import type { ConnectableServer } from '../server-factory.ts';

/** One request of 2026-07-28, as a server is made for it. */
export interface RequestOrigin {
  readonly principal: Principal | undefined;
  /** The JSON-RPC message. */
  readonly message: unknown;
}

/** Makes the server of one request. */
export type ServesOneRequest = (origin: RequestOrigin) => ConnectableServer | Promise<ConnectableServer>;

/** A request from before its server is made until its answer is complete. */
export interface ServedRequest {
  /** @throws what the author's factory threw */
  rethrow(): void;
  /** To be called with the SDK's answer, or none where it gave none. */
  answered(response: Response | undefined): void;
}

interface Making {
  readonly origin: RequestOrigin;
  failure?: { readonly error: unknown };
  server?: Server;
}

/** The servers that the SDK asks for, one for each request, and those requests that are still being answered. */
export class RequestServers {
  /** Set once the author's servers have shown to be of the SDK's first generation, which knows sessions only. */
  areLegacy = false;
  readonly #serve: ServesOneRequest;
  readonly #onError: (error: unknown) => void;
  /** The SDK hands back the request that a server is for, and nothing else. */
  readonly #making = new WeakMap<Request, Making>();
  readonly #working = new Set<Making>();
  readonly #whenIdle: (() => void)[] = [];

  constructor(serve: ServesOneRequest, onError: (error: unknown) => void) {
    this.#serve = serve;
    this.#onError = onError;
  }

  /** To be called before the request is given to the SDK. */
  begin(request: Request, origin: RequestOrigin): ServedRequest {
    const making: Making = { origin };
    this.#making.set(request, making);
    this.#working.add(making);
    return {
      rethrow: () => {
        if (making.failure !== undefined) throw making.failure.error;
      },
      answered: (response) => {
        const isStream = response?.headers.get('content-type')?.startsWith('text/event-stream') === true;
        // The SDK closes a server when its stream has all that it gets; of a stream of changes it needs none.
        const server = isStream && !listensForChanges(origin.message) ? making.server : undefined;
        if (server?.transport === undefined) return this.#done(making);
        const { onclose } = server;
        server.onclose = () => {
          this.#done(making);
          onclose?.();
        };
      },
    };
  }

  /** @throws what the author's factory throws, and if it makes servers that do not speak this revision */
  async make(request: Request): Promise<McpServer | Server> {
    const making = this.#making.get(request);
    if (making === undefined)
      throw new Error('a server was asked for of a request that is not being answered');
    let made: ConnectableServer;
    try {
      made = await this.#serve(making.origin);
    } catch (error) {
      making.failure = { error };
      throw error;
    }
    if (!(made instanceof McpServer || made instanceof Server)) {
      this.areLegacy = true;
      void made.close().catch(this.#onError);
      throw new Error('this server is not of @modelcontextprotocol/server');
    }
    making.server = made instanceof McpServer ? made.server : made;
    return made;
  }

  /** Resolves when no request is being answered. */
  async idle(): Promise<void> {
    if (this.#working.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #done(making: Making): void {
    this.#working.delete(making);
    if (this.#working.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}

export function listensForChanges(message: unknown): boolean {
  return isObject(message) && message['method'] === 'subscriptions/listen';
}
