import { StreamEnded } from '../../../domain/errors.ts';
import type { Liveness } from '../../../domain/liveness.ts';
import { persist } from '../../../domain/persist.ts';
import type { RequestId } from '../../../domain/request-id.ts';
import type { SessionHandle, StreamHandle } from '../../../domain/stream-handle.ts';
import { ownerOf, PAST_THE_END, parseEventId, STANDALONE_STREAM } from '../../../domain/stream-name.ts';
import type { StreamRecord } from '../../../domain/stream-record.ts';
import type { StreamTail } from '../../../domain/stream-tail.ts';
import type { LoggedRecord, Streams } from '../../../domain/streams.ts';
import { isObject } from '../jsonrpc.ts';
import { fence } from './fence.ts';
import { StreamConnection } from './stream-connection.ts';

const PAGE = 64;

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
  /** The changes up to this one need not be announced on the stream again. */
  readonly announcedUpTo?: number | undefined;
  readonly onOver: (connection: StreamConnection) => void;
}

/** What a connection writes down where it opens a stream, as the record has it. */
interface Mark {
  readonly requests?: readonly RequestId[] | undefined;
  readonly announcedUpTo: number | undefined;
}

/** Opens connections on GET: to the session's own stream, or to any of its streams that broke. */
export class StreamOpener {
  readonly #options: StreamOpenerOptions;

  constructor(options: StreamOpenerOptions) {
    this.#options = options;
  }

  /**
   * @returns the connection; `finished` if the stream has ended and the client has all of it; `undefined` if there
   *   is no such event
   * @throws SessionNotFound, StoreUnavailable
   */
  async open(request: OpenRequest): Promise<StreamConnection | 'finished' | undefined> {
    const { handle, lastEventId, primes, announcedUpTo, onOver } = request;
    if (lastEventId === undefined) {
      const stream = { ...handle, stream: STANDALONE_STREAM };
      return new StreamConnection({
        ...(await this.#openNew(stream, announcedUpTo)),
        stream: stream.stream,
        primes,
        onOver,
      });
    }
    const position = parseEventId(lastEventId);
    if (position === undefined) return undefined;
    const stream = { ...handle, stream: position.stream };
    const newest = await this.#options.streams.newest(stream);
    if (newest === undefined) return undefined;
    if (position.sequence === PAST_THE_END) return 'finished';
    if (position.sequence > newest.sequence) return undefined;
    if (position.sequence === newest.sequence && hasEndedInError(newest)) return 'finished';
    const { requests } = newest.record;
    const tail = await this.#resume(stream, position.sequence, { requests, announcedUpTo });
    const stopWaiting = tail.outcome === undefined ? this.#endIfOwnerDies(stream) : () => {};
    return new StreamConnection({
      tail,
      stream: stream.stream,
      primes,
      onOver: (connection) => {
        stopWaiting();
        onOver(connection);
      },
    });
  }

  async #openNew(
    stream: StreamHandle,
    announcedUpTo: number | undefined,
  ): Promise<{ readonly tail: StreamTail; readonly missedUpTo?: number | undefined }> {
    const openedAt = await this.#open(stream, { announcedUpTo });
    const before = await this.#before(stream, openedAt);
    const sequence = before === 'for nobody yet' ? 0 : openedAt - 1;
    return {
      tail: this.#options.streams.follow(stream, { sequence, openedAt }),
      missedUpTo: before === 'unknown' ? sequence : undefined,
    };
  }

  /** Whether what was said before was for an earlier connection, as far as it is still there to tell. */
  async #before(
    stream: StreamHandle,
    openedAt: number,
  ): Promise<'for nobody yet' | 'for another connection' | 'unknown'> {
    let isTrimmed = false;
    for (let after = 0; after < openedAt - 1; ) {
      const limit = Math.min(PAGE, openedAt - 1 - after);
      const { records, gap } = await this.#options.streams.read(stream, after, limit);
      // A page behind a gap reaches further.
      const earlier = records.filter(({ sequence }) => sequence < openedAt);
      const last = earlier.at(-1);
      isTrimmed ||= gap !== undefined || last === undefined;
      if (last === undefined) break;
      if (earlier.some(({ record }) => isTakeover(record))) return 'for another connection';
      after = last.sequence;
    }
    return isTrimmed ? 'unknown' : 'for nobody yet';
  }

  /** Takes the stream over from whichever connection has it, unless it has ended. */
  async #resume(stream: StreamHandle, sequence: number, mark: Mark): Promise<StreamTail> {
    const { streams } = this.#options;
    try {
      const openedAt = await this.#open(stream, mark);
      return streams.follow(stream, { sequence, openedAt });
    } catch (error) {
      if (!(error instanceof StreamEnded)) throw error;
      // What is left is to be read; that others opened it before is history.
      return streams.follow(stream, { sequence, openedAt: Number.POSITIVE_INFINITY });
    }
  }

  #open(stream: StreamHandle, mark: Mark): Promise<number> {
    const { streams } = this.#options;
    return streams.append(stream, [
      { kind: 'open', toNobody: false, ...mark, at: streams.options.clock.now() },
    ]);
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

function isTakeover(record: StreamRecord): boolean {
  return record.kind === 'open' && !record.toNobody;
}

/**
 * A client that has the last event of such a stream must be told to stop: the official one takes only a result for
 * an answer. Given an end without any event, it would go on and open the session's own stream once more, which
 * takes that from the connection that it has already, and so on for ever.
 */
function hasEndedInError({ record, end }: LoggedRecord): boolean {
  const last: unknown = record.kind === 'message' ? JSON.parse(record.message) : undefined;
  return end && !(isObject(last) && 'result' in last);
}
