import type { RawClient } from '../support/raw-client.ts';
import type { SseConnection, SseEvent } from '../support/sse-connection.ts';
import type { Chance } from './chance.ts';
import { messageOf, sequenceOf } from './stream-events.ts';
import { StreamReader } from './stream-reader.ts';
import type { Listening } from './stream-records.ts';

/** After each event, of breaking the connection. */
const CUT_PROBABILITY = 0.05;
/** Of those times, when it does not come back at once, so that more is said meanwhile than is kept. */
const AWAY_SHARE = 0.3;
const AWAY_MS = [1_000, 3_000] as const;
/** For a stream on which nothing is said any more. */
const REPLAY_MS = 15_000;

export interface SessionListenerOptions {
  readonly session: string;
  readonly client: RawClient;
  readonly chance: Chance;
}

/** Reads a session's own stream, and breaks its connections itself. */
export class SessionListener {
  readonly session: string;
  readonly #client: RawClient;
  readonly #reader: StreamReader;
  readonly #heard = new Set<string>();
  readonly #reading;
  #isOver = false;

  private constructor({ session, client, chance }: SessionListenerOptions, first: SseConnection) {
    this.session = session;
    this.#client = client;
    this.#reader = new StreamReader({
      client,
      leavesFor: () => {
        if (this.#isOver || !chance.is(CUT_PROBABILITY)) return undefined;
        return chance.is(AWAY_SHARE) ? chance.between(...AWAY_MS) : 0;
      },
      onEvent: (event) => this.#heard.add(String(messageOf(event)?.params?.data)),
      deadline: () => (this.#isOver ? 0 : Number.POSITIVE_INFINITY),
    });
    this.#reading = this.#reader.read(first);
  }

  static async open(options: SessionListenerOptions): Promise<SessionListener> {
    const connection = await options.client.listen();
    // Without an id of its own it could not be resumed.
    await connection.until(() => connection.lastEventId !== undefined, 'the first event of a GET stream');
    return new SessionListener(options, connection);
  }

  /** Whether this was said on the stream, and came. */
  hasHeard(text: string): boolean {
    return this.#heard.has(text);
  }

  /** Lets go of the stream. */
  stop(): void {
    this.#isOver = true;
  }

  /** Stops, and reads all of the stream again. */
  async finish(): Promise<Listening> {
    this.stop();
    const reading = await this.#reading;
    const last = Math.max(0, ...reading.events.map((event) => sequenceOf(event) ?? 0));
    const deadline = Date.now() + REPLAY_MS;
    // Its own connection is an event too, behind all others.
    const hasAll = (event: SseEvent): boolean => (sequenceOf(event) ?? 0) > last && !event.data;
    const again = new StreamReader(
      { client: this.#client, hasAll, deadline: () => deadline },
      this.#reader.firstEventId,
    );
    return { session: this.session, reading, replay: await again.read() };
  }
}
