import type { JsonRpcId, McpReply } from '../../../ports/mcp-endpoint.ts';
import { InFlight, type InFlightItem } from '../in-flight.ts';
import { refused, STOPPING } from '../refusal.ts';

interface PendingReply extends InFlightItem {
  readonly end: () => void;
}

/** The replies that are awaited, so that a stop leaves none of them open. */
export class PendingReplies {
  readonly #pending = new InFlight<PendingReply>();
  #isClosed = false;

  /** The reply, or the refusal of an instance that stops before it is there. */
  wait(requestId: JsonRpcId | undefined, reply: () => Promise<McpReply>): Promise<McpReply> {
    const stopped = (): McpReply => refused('stopping', STOPPING, requestId);
    if (this.#isClosed) return Promise.resolve(stopped());
    // Not a race against one promise for all: that would keep every reply ever given.
    return new Promise((resolve, reject) => {
      const pending = { place: 0, end: () => resolve(stopped()) };
      this.#pending.add(pending);
      reply()
        .then(resolve, reject)
        .finally(() => this.#pending.delete(pending));
    });
  }

  /** Resolves when none is awaited. */
  idle(): Promise<void> {
    return this.#pending.idle();
  }

  /** Refuses what comes from now on. */
  close(): void {
    this.#isClosed = true;
  }

  /** Refuses what is still awaited. */
  end(): void {
    for (const { end } of this.#pending.all()) end();
  }
}
