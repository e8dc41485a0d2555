import { eventually } from '../contract/fixtures.ts';

/** One server-sent event as it came over the wire; what it did not carry is absent. */
export interface SseEvent {
  readonly id?: string;
  readonly data?: string;
  readonly retry?: number;
}

/** A JSON-RPC message, loosely: tests look into it. */
export interface Message {
  readonly id?: string | number;
  readonly method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of a message, it states.
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string };
}

/** A client's end of one event stream, which records all that comes. */
export class SseConnection {
  readonly events: SseEvent[] = [];
  /** How it came to its end: in order, or broken off by either side. */
  outcome: 'ended' | 'broken' | undefined;
  readonly #cut: AbortController;

  constructor(body: ReadableStream<Uint8Array>, cut: AbortController) {
    this.#cut = cut;
    void this.#record(body).then(
      () => (this.outcome = 'ended'),
      () => (this.outcome = 'broken'),
    );
  }

  /** The messages so far, without events that carry none. */
  get messages(): Message[] {
    return this.events.flatMap(({ data }) => (data ? [JSON.parse(data) as Message] : []));
  }

  /** What log messages said so far. */
  get said(): unknown[] {
    return this.messages.flatMap(({ method, params }) =>
      method === 'notifications/message' ? [params.data] : [],
    );
  }

  /** Answers to requests, of whatever kind. */
  get answers(): Message[] {
    return this.messages.filter(({ method }) => method === undefined);
  }

  get firstEventId(): string {
    return this.events.find(({ id }) => id !== undefined)?.id as string;
  }

  /** Where a client resumes from. */
  get lastEventId(): string | undefined {
    return this.events.findLast(({ id }) => id !== undefined)?.id;
  }

  /** Waits for the first message that `matches`. */
  async message(matches: (message: Message) => boolean, what: string): Promise<Message> {
    await this.until(() => this.messages.some(matches), what);
    return this.messages.find(matches) as Message;
  }

  /** Waits for a request of the server, the `nth` with this method. */
  async request(method: string, nth = 0): Promise<Message> {
    const found = (): Message[] => this.messages.filter((message) => message.method === method);
    await this.until(() => found().length > nth, `request ${nth} ${method}`);
    return found()[nth] as Message;
  }

  /** Waits for the answer to a request of the client. */
  answer(id: string | number): Promise<Message> {
    return this.message(
      (message) => message.id === id && message.method === undefined,
      `the answer to ${id}`,
    );
  }

  async until(condition: () => boolean, what: string, deadlineMs?: number): Promise<void> {
    try {
      await eventually(condition, what, deadlineMs);
    } catch (error) {
      const got = JSON.stringify(this.events).slice(0, 2_000);
      throw new Error(`${(error as Error).message}; outcome: ${this.outcome}; events: ${got}`);
    }
  }

  /** Waits for this many log messages. */
  untilSaid(count: number): Promise<void> {
    return this.until(() => this.said.length >= count, `${count} log messages`, 20_000);
  }

  /** Waits for its end, however that comes. */
  over(deadlineMs?: number): Promise<void> {
    return this.until(() => this.outcome !== undefined, 'the end of the stream', deadlineMs);
  }

  /** Waits for the server to end it. */
  async end(deadlineMs?: number): Promise<void> {
    await this.over(deadlineMs);
    if (this.outcome !== 'ended') throw new Error('the connection broke off');
  }

  /** Destroys the socket. */
  close(): void {
    this.#cut.abort();
  }

  async #record(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = '';
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = parse(block);
        if (event !== undefined) this.events.push(event);
      }
    }
    if (text !== '') throw new Error(`half an event at the end: ${text}`);
  }
}

function parse(block: string): SseEvent | undefined {
  const fields: { id?: string; data?: string; retry?: number } = {};
  for (const line of block.split('\n')) {
    if (line.startsWith(':')) continue;
    const [, field, value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field === 'id') fields.id = value;
    else if (field === 'data') fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
    else if (field === 'retry') fields.retry = Number(value);
    // What every event is where nothing else is said.
    else if (field !== 'event' || value !== 'message') throw new Error(`not a field of an event: ${line}`);
  }
  return Object.keys(fields).length > 0 ? fields : undefined;
}
