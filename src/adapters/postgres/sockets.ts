import { Socket } from 'node:net';

/**
 * The sockets under one store's connections, so that `close` can be certain and bounded: pg says goodbye on a
 * connection and then waits, for a quarter of an hour where the network swallows the packets.
 */
export class Sockets {
  readonly #open = new Set<Socket>();

  /** For pg's `stream` option. */
  readonly create = (): Socket => {
    const socket = new Socket();
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  /** Waits until every connection has ended; cuts off those that have not after `timeoutMs`. */
  async closeWithin(timeoutMs: number): Promise<void> {
    const cut = setTimeout(() => {
      for (const socket of this.#open) socket.destroy();
    }, timeoutMs);
    await Promise.all(
      [...this.#open].map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()))),
    );
    clearTimeout(cut);
  }
}
