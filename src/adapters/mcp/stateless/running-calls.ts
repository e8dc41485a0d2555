import type { Principal } from '../../../domain/principal.ts';
import { requestIdOf } from '../../../domain/request-id.ts';
import type { McpReply } from '../../../ports/mcp-endpoint.ts';
import { InFlight } from '../in-flight.ts';
import { refused, STOPPING } from '../refusal.ts';
import { ServedRequest, type ServedRequestOptions } from './served-request.ts';

export type RunningCallsOptions = Pick<ServedRequestOptions, 'server' | 'bus' | 'onBug' | 'onError'>;

/** The requests that are being answered, apart from those that listen for changes. */
export class RunningCalls {
  readonly #options: RunningCallsOptions;
  readonly #running = new InFlight<ServedRequest>();
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
      served.whenOver(() => this.#running.delete(served));
    }
  }

  /** Resolves when none runs. */
  idle(): Promise<void> {
    return this.#running.idle();
  }

  /** Aborts what still runs. Later ones are refused. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running.all().map((served) => served.close()));
  }
}
