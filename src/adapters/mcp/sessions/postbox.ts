import type { Liveness } from '../../../domain/liveness.ts';
import type { SessionHandle } from '../../../domain/stream-handle.ts';
import { INBOUND_STREAM, type InstanceId } from '../../../domain/stream-name.ts';
import type { Streams } from '../../../domain/streams.ts';
import type { JsonRpcNotification, JsonRpcResponse } from '../jsonrpc.ts';
import { cancellationToForward, progressToForward } from './forwarded-notification.ts';
import { askerOf } from './server-requests.ts';
import type { SessionHosts } from './session-hosts.ts';

type Posted = JsonRpcResponse | JsonRpcNotification;

/** Takes what a client posts for whoever waits for it, on this instance or another. */
export class Postbox {
  readonly #streams: Streams;
  readonly #liveness: Liveness;
  readonly #hosts: SessionHosts;

  constructor(streams: Streams, liveness: Liveness, hosts: SessionHosts) {
    this.#streams = streams;
    this.#liveness = liveness;
    this.#hosts = hosts;
  }

  /**
   * Delivers an answer, a cancellation or progress. What nobody waits for is dropped.
   * @throws SessionNotFound, StoreUnavailable: then the client is to post it again
   */
  async post(message: Posted, handle: SessionHandle): Promise<void> {
    const host = this.#hosts.find(handle.session.ref);
    if (!('method' in message)) {
      const asker = askerOf(message.id);
      if (asker === this.#liveness.instance) host?.answer(message);
      else await this.#forwardTo(asker, message, handle);
    } else if (message.method === 'notifications/progress') {
      const asker = askerOf(message.params?.['progressToken']);
      if (asker === this.#liveness.instance) host?.progress(message);
      else await this.#forwardTo(asker, progressToForward(message), handle);
    } else if (host?.cancel(message) !== true) {
      await this.#forward(cancellationToForward(message), handle);
    }
  }

  /** What is kept stays with the session, so none is for an instance that cannot have asked. */
  async #forwardTo(
    asker: InstanceId | undefined,
    message: Posted | undefined,
    handle: SessionHandle,
  ): Promise<void> {
    if (asker === undefined || message === undefined) return;
    if (await this.#liveness.isKnown(asker)) await this.#forward(message, handle);
  }

  async #forward(message: Posted | undefined, handle: SessionHandle): Promise<void> {
    if (message === undefined) return;
    const record = {
      kind: 'message',
      message: JSON.stringify(message),
      at: this.#streams.options.clock.now(),
    } as const;
    await this.#streams.append({ ...handle, stream: INBOUND_STREAM }, [record]);
  }
}

/** Whether a notification of the client is for one call or one request, wherever that is. */
export function isForAsker({ method, params }: JsonRpcNotification): boolean {
  if (method === 'notifications/cancelled') return true;
  return method === 'notifications/progress' && askerOf(params?.['progressToken']) !== undefined;
}
