import { StreamEnded } from '../../../domain/errors.ts';
import type { Liveness } from '../../../domain/liveness.ts';
import { persist } from '../../../domain/persist.ts';
import type { SessionHandle, StreamHandle } from '../../../domain/stream-handle.ts';
import { ownerOf, parseEventId, STANDALONE_STREAM } from '../../../domain/stream-name.ts';
import { decodeRecord } from '../../../domain/stream-record.ts';
import type { StreamTail } from '../../../domain/stream-tail.ts';
import type { Streams } from '../../../domain/streams.ts';
import { fence } from './fence.ts';
import { StreamConnection } from './stream-connection.ts';

/** What was said before the client first listened is given to it, if it is not more than this. */
const FIRST_MESSAGES = 100;

export interface StreamOpenerOptions {
  readonly streams: Streams;
  readonly liveness: Liveness;
  /** Whether this instance runs the call of a stream that it owns. */
  readonly isRunning: (stream: string) => boolean;
}

export interface OpenRequest {
  readonly handle: SessionHandle;
  readonly lastEventId: string | undefined;
  readonly primes: boolean;
  readonly onOver: () => void;
}

/** Opens connections on GET: to the session's own stream, or to any of its streams that broke. */
export class StreamOpener {
  readonly #options: StreamOpenerOptions;

  constructor(options: StreamOpenerOptions) {
    this.#options = options;
  }

  /**
   * @returns `undefined` if there is no such event
   * @throws SessionNotFound, StoreUnavailable
   */
  async open({ handle, lastEventId, primes, onOver }: OpenRequest): Promise<StreamConnection | undefined> {
    if (lastEventId === undefined) {
      const stream = { ...handle, stream: STANDALONE_STREAM };
      return connection(stream, await this.#openNew(stream), primes, onOver);
    }
    const position = parseEventId(lastEventId);
    if (position === undefined) return undefined;
    const stream = { ...handle, stream: position.stream };
    const newest = await this.#options.streams.lastSequence(stream);
    if (newest === 0 || position.sequence > newest) return undefined;
    const tail = await this.#resume(stream, position.sequence);
    const stopWaiting = tail.outcome === undefined ? this.#endIfOwnerDies(stream) : () => {};
    return connection(stream, tail, primes, () => {
      stopWaiting();
      onOver();
    });
  }

  async #openNew(stream: StreamHandle): Promise<StreamTail> {
    const openedAt = await this.#options.streams.append(stream, [{ kind: 'open', toNobody: false }]);
    const isFirst = openedAt > 1 && (await this.#isFirst(stream, openedAt));
    return this.#options.streams.follow(stream, { sequence: isFirst ? 0 : openedAt - 1, openedAt });
  }

  /** Whether nobody had the stream before, and all that was said on it is still there. */
  async #isFirst(stream: StreamHandle, openedAt: number): Promise<boolean> {
    if (openedAt > FIRST_MESSAGES + 1) return false;
    const { events, clock } = this.#options.streams.options;
    const query = { stream: stream.stream, after: 0, limit: openedAt - 1 };
    const page = await events.read(stream.session, query, clock.now());
    return (
      page.gap === undefined &&
      page.events.every(({ data }) => {
        const record = decodeRecord(data, stream.id);
        return record.kind === 'message' || (record.kind === 'open' && record.toNobody);
      })
    );
  }

  /** Takes the stream over from whichever connection has it, unless it has ended. */
  async #resume(stream: StreamHandle, sequence: number): Promise<StreamTail> {
    const { streams } = this.#options;
    try {
      const openedAt = await streams.append(stream, [{ kind: 'open', toNobody: false }]);
      return streams.follow(stream, { sequence, openedAt });
    } catch (error) {
      if (!(error instanceof StreamEnded)) throw error;
      // What is left is to be read; that others opened it before is history.
      return streams.follow(stream, { sequence, openedAt: Number.POSITIVE_INFINITY });
    }
  }

  /** A call whose instance is dead would be waited for in vain. */
  #endIfOwnerDies(stream: StreamHandle): () => void {
    const { streams, liveness, isRunning } = this.#options;
    const owner = ownerOf(stream.stream);
    if (owner === undefined) return () => {};
    let isOver = false;
    const end = (): void => {
      void persist(() => fence(streams, stream), { ...streams.options, isOver: () => isOver }).catch(
        streams.options.onError,
      );
    };
    if (owner === liveness.instance) {
      if (!isRunning(stream.stream)) end();
      return () => {
        isOver = true;
      };
    }
    const stop = liveness.observe(owner, end);
    return () => {
      isOver = true;
      stop();
    };
  }
}

function connection(
  { stream }: StreamHandle,
  tail: StreamTail,
  primes: boolean,
  onOver: () => void,
): StreamConnection {
  return new StreamConnection({ tail, stream, primes, onOver });
}
