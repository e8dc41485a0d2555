import { ClientTooSlow } from '../../../domain/client-too-slow.ts';
import type { BreakOff } from '../../../ports/stateless-endpoint.ts';

export interface UnreadLimit {
  /** What may wait to be read at most. */
  readonly bytes: number;
  /** Called once, when the stream is over, in whichever way. */
  readonly onOver: () => void;
  /** Called instead of failing. The stream is to be cancelled then. */
  readonly breakOff?: BreakOff | undefined;
}

/** The same stream, whose source does not ask whether anybody reads: it is broken off when too much waits to be read. */
export function withUnreadLimit(
  source: ReadableStream<Uint8Array>,
  { bytes, onOver, breakOff }: UnreadLimit,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let isLeft = false;
  const pump = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    for (let read = await reader.read(); !read.done && !isLeft; read = await reader.read()) {
      controller.enqueue(read.value);
      if ((controller.desiredSize ?? 0) < 0) throw new ClientTooSlow();
    }
    if (!isLeft) controller.close();
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        // Not awaited: a stream does not begin before its start is over.
        void pump(controller)
          .catch((error: unknown) => {
            // What waited is given up with it, where a stream that is closed would keep it.
            if (breakOff === undefined) controller.error(error);
            else breakOff(error);
            // Where the source itself has failed, that is what this rejects with.
            return reader.cancel(error).catch(() => {});
          })
          .finally(onOver);
      },
      cancel: (reason) => {
        isLeft = true;
        return reader.cancel(reason);
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: bytes }),
  );
}

/** Whether an answer is a stream of events, which no client need read to its end. */
export function isEventStream(
  answer: unknown,
): answer is Response & { readonly body: ReadableStream<Uint8Array> } {
  if (!(answer instanceof Response) || answer.body === null) return false;
  return answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
}
