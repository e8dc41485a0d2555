import type { JsonRpcId, McpReply } from '../../../ports/mcp-endpoint.ts';
import { refused, STOPPING } from '../refusal.ts';

/** The replies that are awaited, so that a stop leaves none of them open. */
export class PendingReplies {
  readonly #ends = new Set<() => void>();
  readonly #whenIdle: (() => void)[] = [];
  #isClosed = false;

  /** The reply, or the refusal of an instance that stops before it is there. */
  async wait(requestId: JsonRpcId | undefined, reply: () => Promise<McpReply>): Promise<McpReply> {
    const stopped = refused('stopping', STOPPING, requestId);
    if (this.#isClosed) return stopped;
    // Not a race against one promise for all: that would keep every reply ever given.
    let end = (): void => {};
    const ended = new Promise<McpReply>((resolve) => {
      end = () => resolve(stopped);
    });
    this.#ends.add(end);
    try {
      return await Promise.race([reply(), ended]);
    } finally {
      this.#ends.delete(end);
      if (this.#ends.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    }
  }

  /** Resolves when none is awaited. */
  async idle(): Promise<void> {
    if (this.#ends.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** Refuses what comes from now on. */
  close(): void {
    this.#isClosed = true;
  }

  /** Refuses what is still awaited. */
  end(): void {
    for (const end of [...this.#ends]) end();
  }
}
