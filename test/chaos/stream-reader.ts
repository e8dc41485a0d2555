import type { RawClient } from '../support/raw-client.ts';
import type { Message, SseConnection, SseEvent } from '../support/sse-connection.ts';
import { pause } from './pause.ts';
import { EVENTS_KEPT, gapOf, idOf, messageOf, type ReadEvent } from './stream-events.ts';
import type { Reading, ReadingEnd } from './stream-records.ts';

/** For the head of an answer. */
const RESUME_MS = 8_000;
const RETRY_MS = 100;
/** Between two looks at what came. */
const LOOK_MS = 20;
/** Without anything between them. */
const MOST_GAPS_IN_A_ROW = 3;

export interface StreamReaderOptions {
  readonly client: RawClient;
  /** The id of the request whose answer ends the stream; left out for a session's own stream. */
  readonly requestId?: string;
  /** Told of each event with a message once, as it comes. */
  readonly onEvent?: (event: SseEvent) => void;
  /**
   * Asked after each event: whether the client breaks the connection, to resume it after so many milliseconds;
   * `undefined` for no.
   */
  readonly leavesFor?: () => number | undefined;
  /** Asked after each event: whether that is all there is to read. */
  readonly hasAll?: (event: SseEvent) => boolean;
  /** Unix milliseconds; asked again and again. */
  readonly deadline: () => number;
}

/** Reads one stream to its end, and resumes it where its connection breaks. */
export class StreamReader {
  readonly #options: StreamReaderOptions;
  readonly #events: ReadEvent[] = [];
  #gapsInARow = 0;
  #lastEventId: string | undefined;
  #awayMs = 0;
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
    const answer = this.#events.find((event) => this.#isAnswer(event));
    return answer && messageOf(answer);
  }

  /** Never rejects. @param first the connection to begin with */
  async read(first?: SseConnection): Promise<Reading> {
    let connection = first;
    while (this.#end === undefined) {
      if (connection !== undefined) await this.#drain(connection);
      if (this.#end !== undefined) break;
      if (Date.now() >= this.#options.deadline()) this.#end = 'open';
      else if (this.#lastEventId === undefined)
        this.#end = connection?.outcome === 'ended' ? 'ended without an id' : 'not resumable';
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
      if (this.#end === undefined) this.#perhapsLeave(connection);
    }
  }

  #perhapsLeave(connection: SseConnection): void {
    const awayMs = this.#options.leavesFor?.();
    if (awayMs === undefined) return;
    this.#awayMs = awayMs;
    connection.close();
  }

  #take(event: SseEvent): void {
    const read = this.#behindGap(event);
    this.#events.push(read);
    this.#lastEventId = idOf(read) ?? this.#lastEventId;
    if (this.#options.hasAll?.(event) === true) this.#end = 'open';
    if (this.#isAnswer(event)) this.#end = 'answered';
    if (messageOf(event) !== undefined) this.#options.onEvent?.(event);
  }

  /**
   * The error that announces a gap in a call's stream tells its client to go on nowhere. The rest is there all the same,
   * and shows whether the gap was told as it is: so it is read, with an id that a client of the protocol would not make
   * up. Each connection is an event too, and may take the next one's place: who met that gap again and again would never
   * stay for long enough to be told that the owner is dead. So some are left out then, but never the last.
   */
  #behindGap(event: SseEvent): ReadEvent {
    const gap = gapOf(event);
    this.#gapsInARow = gap === undefined ? 0 : this.#gapsInARow + 1;
    if (gap === undefined || this.#gapsInARow <= MOST_GAPS_IN_A_ROW || this.#options.requestId === undefined)
      return event;
    return { ...event, leftOutUpTo: gap.to + EVENTS_KEPT - 1 };
  }

  /** What tells of a gap has the form of an answer, but the call goes on, and so does its stream. */
  #isAnswer(event: SseEvent): boolean {
    const { requestId } = this.#options;
    const message = messageOf(event);
    if (message === undefined || requestId === undefined || gapOf(event) !== undefined) return false;
    return message.method === undefined && message.id === requestId;
  }

  async #resume(lastEventId: string): Promise<SseConnection | undefined> {
    await pause(this.#awayMs);
    this.#awayMs = 0;
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
