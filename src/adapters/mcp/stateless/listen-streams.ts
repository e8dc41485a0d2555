import type { Changes } from '../../../domain/changes.ts';
import { InvalidArgument } from '../../../domain/errors.ts';
import { SUBSCRIPTIONS_BYTES } from '../../../domain/limits.ts';
import type { Occupancy } from '../../../domain/occupancy.ts';
import type { Principal } from '../../../domain/principal.ts';
import { requestIdOf } from '../../../domain/request-id.ts';
import type { McpReply } from '../../../ports/mcp-endpoint.ts';
import type { BreakOff } from '../../../ports/stateless-endpoint.ts';
import { isObject } from '../jsonrpc.ts';
import { refused, STOPPING } from '../refusal.ts';
import { ChangeBus } from './change-bus.ts';
import { ServedRequest, type ServedRequestOptions } from './served-request.ts';
import { isEventStream, withUnreadLimit } from './unread-limit.ts';

/** What may wait for the client of one stream at most. */
const UNREAD_BYTES = 1024 * 1024;

export interface ListenStreamsOptions extends Pick<ServedRequestOptions, 'server' | 'onBug' | 'onError'> {
  /** What the streams tell of. */
  readonly changes: Changes;
  readonly occupancy: Occupancy;
}

interface Listening {
  readonly served: ServedRequest;
  readonly broken: AbortController;
  /** What the SDK listens to the signal of. It is held here: with the request the signal would lose its cause. */
  readonly given: Request;
}

/** The streams of changes, each the answer to a `subscriptions/listen`. */
export class ListenStreams {
  readonly #options: ListenStreamsOptions;
  readonly bus: ChangeBus;
  readonly #open = new Set<Listening>();
  #isEnding = false;

  constructor(options: ListenStreamsOptions) {
    this.#options = options;
    const { changes, onError } = options;
    this.bus = new ChangeBus({ changes, onError, onMissed: () => this.#breakAll() });
  }

  /** @throws InvalidArgument, InstanceFull, StoreUnavailable, and as {@link ServedRequest.answer} */
  async answer(
    request: Request,
    message: unknown,
    principal: Principal | undefined,
    breakOff?: BreakOff,
  ): Promise<Response | McpReply> {
    const stopping = refused('stopping', STOPPING, requestIdOf(message));
    if (this.#isEnding) return stopping;
    assertFilterSize(message);
    // The SDK tells the client at once that it is listened for: from then on nothing may be missed.
    const release = await this.bus.ready();
    try {
      return this.#isEnding ? stopping : await this.#listen(request, message, principal, breakOff);
    } finally {
      release();
    }
  }

  /**
   * Ends the streams, each with the result that says that it was on purpose (2026-07-28, Subscriptions, Graceful
   * Closure). Later ones are refused.
   */
  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all([...this.#open].map(({ served }) => served.close()));
  }

  async #listen(
    request: Request,
    message: unknown,
    principal: Principal | undefined,
    breakOff?: BreakOff,
  ): Promise<Response | McpReply> {
    const leave = this.#options.occupancy.take();
    const broken = new AbortController();
    const giveUp = (): void => broken.abort();
    const served = new ServedRequest({
      ...this.#options,
      principal,
      message,
      bus: this.bus,
      maxSubscriptions: 1,
      isStopping: () => this.#isEnding,
    });
    const { url, method, headers } = request;
    const given = new Request(url, { method, headers, signal: broken.signal });
    const listening = { served, broken, given };
    const onOver = (): void => {
      this.#open.delete(listening);
      leave();
      request.signal.removeEventListener('abort', giveUp);
    };
    this.#open.add(listening);
    request.signal.addEventListener('abort', giveUp, { once: true });
    if (request.signal.aborted) giveUp();
    let stream: ReadableStream<Uint8Array> | undefined;
    try {
      const answer = await served.answer(given);
      if (!isEventStream(answer)) return answer;
      stream = withUnreadLimit(answer.body, { bytes: UNREAD_BYTES, onOver, breakOff });
      return new Response(stream, answer);
    } finally {
      if (stream === undefined) onOver();
    }
  }

  /** Without the result, after which clients would not listen again: they come back, and read anew. */
  #breakAll(): void {
    for (const { broken } of this.#open) broken.abort();
  }
}

/** @throws InvalidArgument */
function assertFilterSize(message: unknown): void {
  const params = isObject(message) ? message['params'] : undefined;
  const filter = isObject(params) ? params['notifications'] : undefined;
  if (filter === undefined || Buffer.byteLength(JSON.stringify(filter)) <= SUBSCRIPTIONS_BYTES) return;
  throw new InvalidArgument('notifications', `must have at most ${SUBSCRIPTIONS_BYTES} bytes as JSON`);
}
