import type { SessionHandle } from '../../../domain/stream-handle.ts';
import { INBOUND_STREAM, type InstanceId } from '../../../domain/stream-name.ts';
import type { Streams } from '../../../domain/streams.ts';
import type { JsonRpcNotification, JsonRpcResponse } from '../jsonrpc.ts';
import { askerOf } from './server-requests.ts';
import type { SessionHosts } from './session-hosts.ts';

/** Takes what a client posts for whoever waits for it, on this instance or another. */
export class Postbox {
  readonly #streams: Streams;
  readonly #instance: InstanceId;
  readonly #hosts: SessionHosts;

  constructor(streams: Streams, instance: InstanceId, hosts: SessionHosts) {
    this.#streams = streams;
    this.#instance = instance;
    this.#hosts = hosts;
  }

  /**
   * Delivers an answer, a cancellation or progress. What nobody waits for is dropped.
   * @throws SessionNotFound, StoreUnavailable: then the client is to post it again
   */
  async post(message: JsonRpcResponse | JsonRpcNotification, handle: SessionHandle): Promise<void> {
    const host = this.#hosts.find(handle.session.ref);
    if (!('method' in message)) {
      const asker = askerOf(message.id);
      if (asker === this.#instance) host?.answer(message);
      else if (asker !== undefined) await this.#forward(message, handle);
    } else if (message.method === 'notifications/progress') {
      if (askerOf(message.params?.['progressToken']) === this.#instance) host?.progress(message);
      else await this.#forward(message, handle);
    } else if (host?.cancel(message) !== true) {
      await this.#forward(message, handle);
    }
  }

  async #forward(message: JsonRpcResponse | JsonRpcNotification, handle: SessionHandle): Promise<void> {
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
