import type { StreamConnection } from './stream-connection.ts';

/** The connections to streams that are open on this instance. */
export class Connections {
  readonly #open = new Set<StreamConnection>();
  /** True once this instance is to be left: connections are ended as soon as their clients can resume. */
  isEnding = false;

  add(connection: StreamConnection): void {
    this.#open.add(connection);
    if (this.isEnding) connection.disconnect();
  }

  delete(connection: StreamConnection): void {
    this.#open.delete(connection);
  }

  end(): void {
    this.isEnding = true;
    for (const connection of this.#open) connection.disconnect();
  }
}
