import { DurableMcpError } from '../../../domain/errors.ts';
import type { SessionHandle } from '../../../domain/stream-handle.ts';
import { STANDALONE_STREAM } from '../../../domain/stream-name.ts';
import type { JsonRpcId } from '../../../ports/mcp-endpoint.ts';
import { InFlight } from '../in-flight.ts';
import { errorResponse, INTERNAL_ERROR, type JsonRpcError } from '../jsonrpc.ts';
import { Exchange, type ExchangeContext, type Posted } from './exchange.ts';
import { Turns } from './turns.ts';

/**
 * Of the calls that run, one in so many becomes a stream at a time because it takes long. Where most calls do, it is in
 * general because too much runs already: if each then wrote to the log as well, all would be slower still, and yet more
 * would. Those that are answered while they wait for their turn cost nothing.
 */
const CALLS_PER_OPENING = 20;
const FEWEST_OPENINGS = 2;
const LONGEST_OPENING_MS = 1_000;

export type ExchangesOptions = Pick<ExchangeContext, 'streams' | 'instance' | 'connections' | 'activity'>;

/** The exchanges that run on this instance. */
export class Exchanges {
  readonly #context: ExchangeContext;
  readonly #running = new InFlight<Exchange>();

  constructor(options: ExchangesOptions) {
    this.#context = {
      ...options,
      slowOpenings: new Turns({
        most: () => Math.max(FEWEST_OPENINGS, this.#running.size / CALLS_PER_OPENING),
        longestMs: LONGEST_OPENING_MS,
        clock: options.streams.options.clock,
      }),
      closeStandaloneStream: (handle) => this.#closeStandaloneStream(handle),
      onOver: (exchange) => this.#running.delete(exchange),
    };
  }

  begin(posted: Posted): Exchange {
    const exchange = new Exchange(posted, this.#context);
    this.#running.add(exchange);
    return exchange;
  }

  /** Whether the call of this stream runs here. */
  isRunning(stream: string): boolean {
    return this.#running.all().some((exchange) => exchange.stream === stream);
  }

  /** Resolves when nothing runs. */
  idle(): Promise<void> {
    return this.#running.idle();
  }

  /** The answer to a request whose outcome could not be kept. */
  failure(id: JsonRpcId, error: unknown): JsonRpcError {
    this.#context.streams.options.onError(error);
    return errorResponse(
      id,
      INTERNAL_ERROR,
      error instanceof DurableMcpError ? error.message : 'Internal error',
    );
  }

  /** Wherever the session's stream is, its connection ends, and the client comes back. */
  #closeStandaloneStream(handle: SessionHandle): void {
    const stream = { ...handle, stream: STANDALONE_STREAM };
    this.#context.streams
      .append(stream, [{ kind: 'open', toNobody: true }])
      .catch(this.#context.streams.options.onError);
  }
}
