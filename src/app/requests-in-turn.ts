import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Requests that may wait on one connection for the answers to those before them. */
export const MOST_WAITING = 100;

/** A request, and its answer. */
export interface Exchanged {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Serves the requests of a connection one after the other, where its client does not wait for the answers (HTTP
 * pipelining, RFC 9112 §9.3.2). Node would have all of them served at once: their answers wait in memory for the first
 * one to be read, and nobody is told of the others that the client has hung up.
 */
export class RequestsInTurn {
  readonly #serve: RequestListener;
  /** Of each connection what is being answered, and what waits behind it. */
  readonly #unanswered = new WeakMap<Duplex, Exchanged[]>();

  constructor(serve: RequestListener) {
    this.#serve = serve;
  }

  /** What is being answered on a connection. */
  current(socket: Duplex): Exchanged | undefined {
    return this.#unanswered.get(socket)?.[0];
  }

  /** Ends a connection on which too much waits: whoever sends it is not reading. */
  add(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const unanswered = this.#unanswered.get(socket) ?? [];
    if (unanswered.length > MOST_WAITING) {
      socket.destroy();
      return;
    }
    unanswered.push({ request, response });
    if (unanswered.length > 1) return;
    this.#unanswered.set(socket, unanswered);
    this.#serveFirst(socket, unanswered);
  }

  #serveFirst(socket: Socket, unanswered: Exchanged[]): void {
    const [first] = unanswered;
    // What waits for an answer that nobody is there to read is not begun.
    if (first === undefined || socket.destroyed) {
      this.#unanswered.delete(socket);
      return;
    }
    const { request, response } = first;
    response.once('close', () => {
      unanswered.shift();
      this.#serveFirst(socket, unanswered);
    });
    this.#serve(request, response);
  }
}
