import type { Principal } from '../../../domain/principal.ts';
import { requestIdOf } from '../../../domain/request-id.ts';
import type { McpReply } from '../../../ports/mcp-endpoint.ts';
import { refused, STOPPING } from '../refusal.ts';
import { ServedRequest, type ServedRequestOptions } from './served-request.ts';

export type RunningCallsOptions = Pick<ServedRequestOptions, 'server' | 'bus' | 'onBug' | 'onError'>;

/** The requests that are being answered, apart from those that listen for changes. */
export class RunningCalls {
  readonly #options: RunningCallsOptions;
  readonly #running = new Set<ServedRequest>();
  readonly #whenIdle: (() => void)[] = [];
  #isStopped = false;

  constructor(options: RunningCallsOptions) {
    this.#options = options;
  }

  /** @throws as {@link ServedRequest.answer} */
  async answer(
    request: Request,
    message: unknown,
    principal: Principal | undefined,
  ): Promise<Response | McpReply> {
    if (this.#isStopped) return refused('stopping', STOPPING, requestIdOf(message));
    const served = new ServedRequest({
      ...this.#options,
      principal,
      message,
      maxSubscriptions: 0,
      isStopping: () => this.#isStopped,
    });
    this.#running.add(served);
    try {
      return await served.answer(request);
    } finally {
      served.whenOver(() => this.#over(served));
    }
  }

  /** Resolves when none runs. */
  async idle(): Promise<void> {
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** Aborts what still runs. Later ones are refused. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#running].map((served) => served.close()));
  }

  #over(served: ServedRequest): void {
    this.#running.delete(served);
    if (this.#running.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
