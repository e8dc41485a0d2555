import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { forward } from './forward.ts';
import { closeWithConnections, listenLocally } from './local-server.ts';

/** A load balancer without any stickiness, as a test needs one. */
export interface RandomProxy {
  /** As a client writes it, e.g. `http://127.0.0.1:8060`. */
  readonly origin: string;
  /** How many requests each upstream was handed, by its origin; those it refused are not counted. */
  readonly handled: ReadonlyMap<string, number>;
  /** @param upstream its origin, e.g. `http://127.0.0.1:8061` */
  add(upstream: string): void;
  /** No further request goes there; those that run are not touched. */
  remove(upstream: string): void;
  /** Breaks every open connection, as a network does: without a word to either side. */
  cut(): void;
  /** Stops listening, and cuts. */
  close(): Promise<void>;
}

export interface RandomProxyOptions {
  /** Origins of the upstreams to begin with. */
  readonly upstreams?: readonly string[];
  /** Numbers in [0, 1), such as `seededRandom(7)`. */
  readonly random?: () => number;
  /**
   * Chooses the first upstream to try instead of chance, by its origin.
   * @returns `undefined` to leave it to chance
   */
  readonly choose?: (request: IncomingMessage) => string | undefined;
  /** What goes wrong with a request; nothing by default. */
  readonly harm?: () => Harm;
}

/** What goes wrong with one request on its way. */
export interface Harm {
  /** Before it is passed on. */
  readonly delayMs?: number;
  /** Breaks the client's connection: no upstream gets the `request`, or one does, and its `answer` is lost. */
  readonly cut?: 'request' | 'answer' | undefined;
}

/**
 * Starts a reverse proxy on a free port of 127.0.0.1 that sends each request to an upstream chosen anew.
 *
 * Host and all other headers are passed on as they are, so an upstream judges the name that the client used. An
 * upstream that refuses the connection is passed over for another one. With none left, or when one breaks off
 * before it answered, the client gets 502.
 */
export async function startRandomProxy(options: RandomProxyOptions = {}): Promise<RandomProxy> {
  const { random = Math.random, choose, harm = (): Harm => ({}) } = options;
  const upstreams = new Set(options.upstreams);
  const handled = new Map<string, number>();

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { delayMs = 0, cut } = harm();
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (cut === 'request') response.destroy();
    if (response.destroyed) return;
    const untried = new Set(upstreams);
    let upstream = choose?.(request) ?? pick(untried, random);
    while (upstream !== undefined) {
      if (await forward(request, response, upstream, { losesAnswer: cut === 'answer' })) {
        handled.set(upstream, (handled.get(upstream) ?? 0) + 1);
        return;
      }
      untried.delete(upstream);
      upstream = pick(untried, random);
    }
    response.writeHead(502).end('no upstream accepts connections');
  };

  const server = createServer((request, response) => void handle(request, response));
  return {
    origin: await listenLocally(server),
    handled,
    add: (upstream) => void upstreams.add(upstream),
    remove: (upstream) => void upstreams.delete(upstream),
    // Requests to upstreams end with the client's connection.
    cut: () => server.closeAllConnections(),
    close: () => closeWithConnections(server),
  };
}

function pick(upstreams: ReadonlySet<string>, random: () => number): string | undefined {
  return [...upstreams][Math.floor(random() * upstreams.size)];
}
