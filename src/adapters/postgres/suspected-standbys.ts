/** While nothing may be written, connections are not made anew more often than this. */
const PAUSE_MS = 1_000;

/**
 * Which connections may lead to a server that was replaced. Where one refused a write for being read-only, others may
 * do so too: they go on answering reads, and would each fail one write before they are given up, long after the
 * failover.
 */
export class SuspectedStandbys {
  /** Counts connections from 1, as they are made. */
  readonly #numbers = new WeakMap<object, number>();
  /** Connections of lower numbers are not to be used. */
  #first = 0;
  #connections = 0;
  #pausedUntil = 0;

  connected(connection: object): void {
    this.#connections += 1;
    this.#numbers.set(connection, this.#connections);
  }

  /** A write was refused: all connections that there are now are suspected. */
  suspect(): void {
    const now = performance.now();
    if (now < this.#pausedUntil) return;
    this.#pausedUntil = now + PAUSE_MS;
    this.#first = this.#connections + 1;
  }

  includes(connection: object): boolean {
    return (this.#numbers.get(connection) ?? 0) < this.#first;
  }
}
