/** While nothing may be written, connections are not made anew more often than this. */
const PAUSE_MS = 1_000;

/**
 * Which connections may lead to a server that was replaced. One that refused a write for being read-only goes on
 * answering reads on the others, which would each fail a write before they are given up, long after the failover.
 */
export class SuspectedStandbys {
  #connectedAt = new WeakMap<object, number>();
  /** Connections that were made before are not to be used. */
  #before = 0;
  #connections = 0;
  #pausedUntil = 0;

  connected(connection: object): void {
    this.#connections += 1;
    this.#connectedAt.set(connection, this.#connections);
  }

  /** A write was refused: all connections that there are now are suspected. */
  suspect(): void {
    const now = performance.now();
    if (now < this.#pausedUntil) return;
    this.#pausedUntil = now + PAUSE_MS;
    this.#before = this.#connections + 1;
  }

  includes(connection: object): boolean {
    return (this.#connectedAt.get(connection) ?? 0) < this.#before;
  }
}
