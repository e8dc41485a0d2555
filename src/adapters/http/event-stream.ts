import { ClientTooSlow } from '../../domain/client-too-slow.ts';
import type { EventStream, StreamEvent } from '../../ports/mcp-endpoint.ts';
import type { BreakOff } from '../../ports/stateless-endpoint.ts';

/** A comment this often tells proxies that the stream lives, and finds out whether the client does. */
const KEEP_ALIVE_MS = 25_000;

/**
 * A client that takes nothing for so many comments, though there is something for it, is given up. It can resume; the
 * server cannot know whether it ever will read on.
 */
const LONGEST_STALL = 4;

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  // nginx would otherwise hold back events until its buffer is full.
  'X-Accel-Buffering': 'no',
};

const UTF8 = new TextEncoder();
const KEEP_ALIVE = UTF8.encode(': keep-alive\n\n');

/**
 * Sends a stream as server-sent events. Events are only asked for when the client has room, and one that has none for
 * 100 s and more is cut off.
 * @param breakOff called where the stream cannot go on; without it, the body fails
 */
export function eventStreamResponse(events: EventStream, breakOff?: BreakOff): Response {
  let keepAlive: NodeJS.Timeout | undefined;
  let stalled = 0;
  let isCutOff = false;
  const fail = (controller: ReadableStreamDefaultController, reason: unknown): void => {
    if (breakOff === undefined) controller.error(reason);
    else breakOff(reason);
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        // Beside the wait for an event and not in a race with it, whose promises each idle stream would hold.
        keepAlive = setInterval(() => {
          if (controller.desiredSize === 0) {
            stalled = 0;
            controller.enqueue(KEEP_ALIVE);
            return;
          }
          stalled += 1;
          if (stalled < LONGEST_STALL) return;
          clearInterval(keepAlive);
          isCutOff = true;
          events.close();
          fail(controller, new ClientTooSlow());
        }, KEEP_ALIVE_MS).unref();
      },
      pull: async (controller) => {
        let next: readonly StreamEvent[] | undefined;
        try {
          next = await events.next();
        } catch (error) {
          clearInterval(keepAlive);
          fail(controller, error);
          return;
        }
        if (next === undefined) clearInterval(keepAlive);
        if (isCutOff) return;
        if (next === undefined) controller.close();
        else controller.enqueue(UTF8.encode(next.map(encode).join('')));
      },
      cancel: () => {
        clearInterval(keepAlive);
        events.close();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: HEADERS });
}

/** JSON text has no line breaks, so each event's data is one line. */
function encode({ id, data, retryMs }: StreamEvent): string {
  let text = '';
  if (id !== undefined) text += `id: ${id}\n`;
  if (retryMs !== undefined) text += `retry: ${retryMs}\n`;
  if (data !== undefined) text += `data: ${data}\n`;
  return `${text}\n`;
}
