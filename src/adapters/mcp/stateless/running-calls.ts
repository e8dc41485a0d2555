import type { Occupancy } from '../../../domain/occupancy.ts';
import type { Principal } from '../../../domain/principal.ts';
import { requestIdOf } from '../../../domain/request-id.ts';
import type { McpReply } from '../../../ports/mcp-endpoint.ts';
import type { BreakOff } from '../../../ports/stateless-endpoint.ts';
import { InFlight } from '../in-flight.ts';
import { refused, STOPPING } from '../refusal.ts';
import { ServedRequest, type ServedRequestOptions } from './served-request.ts';
import { isEventStream, withUnreadLimit } from './unread-limit.ts';

/** What may wait for the client of one call at most: more than any one message of a call is meant to have. */
const UNREAD_BYTES = 16 * 1024 * 1024;

export interface RunningCallsOptions
  extends Pick<ServedRequestOptions, 'server' | 'bus' | 'onBug' | 'onError'> {
  readonly occupancy: Occupancy;
}

/** The requests that are being answered, apart from those that listen for changes. */
export class RunningCalls {
  readonly #options: RunningCallsOptions;
  readonly #running = new InFlight<ServedRequest>();
  #isStopped = false;

  constructor(options: RunningCallsOptions) {
    this.#options = options;
  }

  /** @throws InstanceFull, and as {@link ServedRequest.answer} */
  async answer(
    request: Request,
    message: unknown,
    principal: Principal | undefined,
    breakOff?: BreakOff,
  ): Promise<Response | McpReply> {
    if (this.#isStopped) return refused('stopping', STOPPING, requestIdOf(message));
    const leave = this.#options.occupancy.take();
    const served = new ServedRequest({
      ...this.#options,
      principal,
      message,
      maxSubscriptions: 0,
      isStopping: () => this.#isStopped,
    });
    this.#running.add(served);
    try {
      const answer = await served.answer(request);
      if (!isEventStream(answer)) return answer;
      const limit = { bytes: UNREAD_BYTES, onOver: () => {}, breakOff };
      return new Response(withUnreadLimit(answer.body, limit), answer);
    } finally {
      served.whenOver(() => {
        this.#running.delete(served);
        leave();
      });
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
