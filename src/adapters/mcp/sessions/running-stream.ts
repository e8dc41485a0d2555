import { SessionNotFound, StreamEnded } from '../../../domain/errors.ts';
import type { StreamHandle } from '../../../domain/stream-handle.ts';
import type { StreamWriter } from '../../../domain/stream-writer.ts';
import type { Streams } from '../../../domain/streams.ts';
import type { JsonRpcId } from '../../../ports/mcp-endpoint.ts';

/** How soon a signal on a running call's stream is looked into. */
const CHECK_MS = 250;

/**
 * Keeps the stream of a running call from expiring while the call says nothing, and finds out what the writer is
 * told only when it writes: that the stream was ended, or that its session is gone.
 *
 * @param onLost told of `StreamEnded` or `SessionNotFound`
 * @returns ends it
 */
export function tendRunningStream(
  streams: Streams,
  stream: StreamHandle,
  options: {
    readonly writer: StreamWriter;
    readonly requests: readonly JsonRpcId[];
    readonly onLost: (error: unknown) => void;
  },
): () => void {
  const { clock, signals, retentionMs, onError } = streams.options;
  const { writer, requests, onLost } = options;
  let cancelCheck: (() => void) | undefined;
  let cancelAlive = (): void => {};

  const check = async (): Promise<void> => {
    cancelCheck = undefined;
    try {
      if ((await streams.newest(stream))?.end === true) throw new StreamEnded();
    } catch (error) {
      if (error instanceof StreamEnded || error instanceof SessionNotFound) onLost(error);
      else onError(error);
    }
  };
  const keepAlive = (): void => {
    cancelAlive = clock.schedule(retentionMs / 3, () => {
      keepAlive();
      writer.write([{ kind: 'alive', requests }]).catch(onLost);
    });
  };

  keepAlive();
  const unwatch = signals.watch({ ref: stream.session.ref, stream: stream.stream }, () => {
    cancelCheck ??= clock.schedule(CHECK_MS, () => void check());
  });
  return () => {
    unwatch();
    cancelCheck?.();
    cancelAlive();
  };
}
