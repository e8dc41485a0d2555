import type { EventStream, StreamEvent } from '../../ports/mcp-endpoint.ts';

/** A comment this often tells proxies that the stream lives, and finds out whether the client does. */
const KEEP_ALIVE_MS = 25_000;

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  // nginx would otherwise hold back events until its buffer is full.
  'X-Accel-Buffering': 'no',
};

const UTF8 = new TextEncoder();

/** Sends a stream as server-sent events. An event is only asked for when the client has room for it. */
export function eventStreamResponse(events: EventStream): Response {
  const reader = new EventReader(events);
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const event = await reader.next();
        if (event === undefined) controller.close();
        else controller.enqueue(UTF8.encode(event === 'silence' ? ': keep-alive\n\n' : encode(event)));
      },
      cancel: () => events.close(),
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: HEADERS });
}

/** Waits for the next event, but not for long. */
class EventReader {
  readonly #events: EventStream;
  #asked: Promise<void> | undefined;
  #answer: { readonly event: StreamEvent | undefined } | { readonly error: unknown } | undefined;
  #wake = (): void => {};

  constructor(events: EventStream) {
    this.#events = events;
  }

  async next(): Promise<StreamEvent | 'silence' | undefined> {
    // Asked once for each event: an idle stream must not gather a reaction with every silence.
    this.#asked ??= this.#ask();
    if (this.#answer === undefined) await this.#answerOrSilence();
    if (this.#answer === undefined) return 'silence';
    const answer = this.#answer;
    this.#answer = undefined;
    this.#asked = undefined;
    if ('error' in answer) throw answer.error;
    return answer.event;
  }

  async #ask(): Promise<void> {
    try {
      this.#answer = { event: await this.#events.next() };
    } catch (error) {
      this.#answer = { error };
    }
    this.#wake();
  }

  async #answerOrSilence(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, KEEP_ALIVE_MS).unref();
    });
    clearTimeout(timer);
  }
}

/** JSON text has no line breaks, so each event's data is one line. */
function encode({ id, data, retryMs }: StreamEvent): string {
  let text = '';
  if (id !== undefined) text += `id: ${id}\n`;
  if (retryMs !== undefined) text += `retry: ${retryMs}\n`;
  if (data !== undefined) text += `data: ${data}\n`;
  return `${text}\n`;
}
