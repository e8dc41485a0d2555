import type { RawClient } from '../support/raw-client.ts';
import type { Message, SseConnection, SseEvent } from '../support/sse-connection.ts';
import { pause } from './pause.ts';
import type { Reading, ReadingEnd } from './stream-records.ts';

/** For the head of an answer. */
const RESUME_MS = 8_000;
const RETRY_MS = 100;
/** Between two looks at what came. */
const LOOK_MS = 20;

export interface StreamReaderOptions {
  readonly client: RawClient;
  /** The id of the request whose answer ends the stream; left out for a session's own stream. */
  readonly requestId?: string;
  /** Told of each message once, as it comes. */
  readonly onMessage?: (message: Message) => void;
  /** Asked after each event: whether the client breaks the connection, to resume it. */
  readonly cuts?: () => boolean;
  /** Unix milliseconds; asked again and again. */
  readonly deadline: () => number;
}

/** Reads one stream to its end, and resumes it where its connection breaks. */
export class StreamReader {
  readonly #options: StreamReaderOptions;
  readonly #events: SseEvent[] = [];
  #lastEventId: string | undefined;
  #resumptions = 0;
  #end: ReadingEnd | undefined;
  #refusal: string | undefined;

  /** @param lastEventId where to begin without a connection */
  constructor(options: StreamReaderOptions, lastEventId?: string) {
    this.#options = options;
    this.#lastEventId = lastEventId;
  }

  get firstEventId(): string | undefined {
    return this.#events.find(({ id }) => id !== undefined)?.id;
  }

  /** The answer that ended the stream. */
  get answer(): Message | undefined {
    return this.#events.map(messageOf).find((each) => each !== undefined && this.#isAnswer(each));
  }

  /** Never rejects. @param first the connection to begin with */
  async read(first?: SseConnection): Promise<Reading> {
    let connection = first;
    while (this.#end === undefined) {
      if (connection !== undefined) await this.#drain(connection);
      if (this.#end !== undefined) break;
      if (Date.now() >= this.#options.deadline()) this.#end = 'open';
      else if (this.#lastEventId === undefined) this.#end = 'not resumable';
      else connection = await this.#resume(this.#lastEventId);
    }
    connection?.close();
    const [end, refusal] = [this.#end, this.#refusal];
    return { events: this.#events, resumptions: this.#resumptions, end, refusal };
  }

  async #drain(connection: SseConnection): Promise<void> {
    let taken = 0;
    while (this.#end === undefined && Date.now() < this.#options.deadline()) {
      const isOver = connection.outcome !== undefined;
      const event = connection.events[taken];
      if (event === undefined) {
        if (isOver) return;
        await pause(LOOK_MS);
        continue;
      }
      taken += 1;
      this.#take(event);
      if (this.#end === undefined && this.#options.cuts?.() === true) connection.close();
    }
  }

  #take(event: SseEvent): void {
    this.#events.push(event);
    this.#lastEventId = event.id ?? this.#lastEventId;
    const message = messageOf(event);
    if (message === undefined) return;
    if (this.#isAnswer(message)) this.#end = 'answered';
    this.#options.onMessage?.(message);
  }

  #isAnswer({ id, method }: Message): boolean {
    return method === undefined && this.#options.requestId !== undefined && id === this.#options.requestId;
  }

  async #resume(lastEventId: string): Promise<SseConnection | undefined> {
    const cut = new AbortController();
    const timer = setTimeout(() => cut.abort(), RESUME_MS);
    try {
      const { status, body, stream } = await this.#options.client.get({ lastEventId, cut });
      if (stream !== undefined) {
        this.#resumptions += 1;
        return stream;
      }
      if (status === 204) this.#end = 'finished';
      else if (status !== 502 && status !== 503) {
        this.#end = 'refused';
        this.#refusal = `${status} ${JSON.stringify(body)} for ${lastEventId}`;
      }
    } catch {
      // The connection broke, which is what happens here: it is tried again until the deadline.
    } finally {
      clearTimeout(timer);
    }
    if (this.#end === undefined) await pause(RETRY_MS);
    return undefined;
  }
}

/** `undefined` for an event that carries none. */
export function messageOf({ data }: SseEvent): Message | undefined {
  return data ? (JSON.parse(data) as Message) : undefined;
}
