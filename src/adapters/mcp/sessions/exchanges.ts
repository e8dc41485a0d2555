import type { Activity } from '../../../domain/activity.ts';
import { DurableMcpError } from '../../../domain/errors.ts';
import type { Session } from '../../../domain/session.ts';
import type { SessionHandle } from '../../../domain/stream-handle.ts';
import { type InstanceId, STANDALONE_STREAM } from '../../../domain/stream-name.ts';
import type { Streams } from '../../../domain/streams.ts';
import type { JsonRpcId, RequestInfo } from '../../../ports/mcp-endpoint.ts';
import { errorResponse, INTERNAL_ERROR, type JsonRpcError, type JsonRpcRequest } from '../jsonrpc.ts';
import { primes } from '../protocol-versions.ts';
import type { Connections } from './connections.ts';
import { Exchange } from './exchange.ts';
import type { SessionHost } from './session-host.ts';

export interface ExchangesOptions {
  readonly streams: Streams;
  readonly instance: InstanceId;
  readonly connections: Connections;
  readonly activity: Activity;
}

/** The exchanges that run on this instance. */
export class Exchanges {
  readonly #options: ExchangesOptions;
  readonly #running = new Set<Exchange>();
  readonly #whenIdle: (() => void)[] = [];

  constructor(options: ExchangesOptions) {
    this.#options = options;
  }

  begin(call: {
    readonly host: SessionHost;
    readonly handle: SessionHandle;
    readonly session: Session;
    readonly requests: readonly JsonRpcRequest[];
    readonly isBatch: boolean;
    readonly request: RequestInfo | undefined;
  }): Exchange {
    const { host, handle } = call;
    const exchange = new Exchange({
      ...this.#options,
      handle,
      requests: call.requests.map(({ id }) => id),
      isBatch: call.isBatch,
      primes: primes(call.session.protocolVersion),
      requestInfo: call.request,
      engage: () => host.engage(),
      attend: () => this.#options.activity.hold(call.session),
      closeStandaloneStream: () => this.#closeStandaloneStream(handle),
      onLost: (lost, reason) => host.abandon(reason, lost),
      onOver: (over) => this.#over(over),
    });
    this.#running.add(exchange);
    return exchange;
  }

  /** Whether the call of this stream runs here. */
  isRunning(stream: string): boolean {
    for (const exchange of this.#running) if (exchange.stream === stream) return true;
    return false;
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** The answer to a request whose outcome could not be kept. */
  failure(id: JsonRpcId, error: unknown): JsonRpcError {
    this.#options.streams.options.onError(error);
    return errorResponse(
      id,
      INTERNAL_ERROR,
      error instanceof DurableMcpError ? error.message : 'Internal error',
    );
  }

  /** Wherever the session's stream is, its connection ends, and the client comes back. */
  #closeStandaloneStream(handle: SessionHandle): void {
    const stream = { ...handle, stream: STANDALONE_STREAM };
    this.#options.streams
      .append(stream, [{ kind: 'open', toNobody: true }])
      .catch(this.#options.streams.options.onError);
  }

  #over(exchange: Exchange): void {
    this.#running.delete(exchange);
    if (this.#running.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
