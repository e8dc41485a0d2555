import { eventually } from '../contract/fixtures.ts';

export interface SseEvent {
  readonly id?: string;
  readonly retry?: number;
  readonly data?: string;
}

/** A JSON-RPC message, as far as tests look at it. */
export interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { readonly data?: unknown };
  readonly result?: { readonly structuredContent?: Record<string, unknown>; readonly isError?: boolean };
  readonly error?: { readonly code: number; readonly message: string };
}

/** One response of server-sent events, read as it comes. */
export class SseConnection {
  readonly events: SseEvent[] = [];
  /** How it came to an end: in order, or cut off. */
  end: 'ended' | 'broken' | undefined;
  readonly #abort: AbortController;

  constructor(response: Response, abort: AbortController) {
    this.#abort = abort;
    void this.#read(response);
  }

  get messages(): Message[] {
    return this.events.flatMap(({ data }) => (data ? [JSON.parse(data) as Message] : []));
  }

  /** What the log messages say. */
  get logged(): unknown[] {
    return this.messages.flatMap(({ method, params }) =>
      method === 'notifications/message' ? [params?.data] : [],
    );
  }

  /** Answers to requests, of whatever kind. */
  get outcomes(): Message[] {
    return this.messages.filter(({ method }) => method === undefined);
  }

  get firstEventId(): string {
    return this.events.find(({ id }) => id !== undefined)?.id as string;
  }

  get lastEventId(): string {
    return this.events.findLast(({ id }) => id !== undefined)?.id as string;
  }

  /** Resolves when the other side has ended it, however that was. */
  over(deadlineMs: number): Promise<void> {
    return eventually(() => this.end !== undefined, 'the end of the stream', deadlineMs);
  }

  /** Resolves when this many log messages are there. */
  untilLogged(count: number): Promise<void> {
    return eventually(() => this.logged.length >= count, `${count} log messages`, 20_000);
  }

  /** Leaves without a word. */
  leave(): void {
    this.#abort.abort();
  }

  async #read(response: Response): Promise<void> {
    let text = '';
    try {
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const blocks = (text + chunk).split('\n\n');
        text = blocks.pop() ?? '';
        this.events.push(...blocks.flatMap(parse));
      }
      this.end = 'ended';
    } catch {
      this.end = 'broken';
    }
  }
}

function parse(block: string): SseEvent[] {
  const event: { id?: string; retry?: number; data?: string } = {};
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^(id|retry|data): ?(.*)$/.exec(line) ?? [];
    if (name === 'retry') event.retry = Number(value);
    else if (name === 'id' || name === 'data') event[name] = value;
  }
  return Object.keys(event).length === 0 ? [] : [event];
}
