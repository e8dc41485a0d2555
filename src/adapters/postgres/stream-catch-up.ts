import type { Database } from './database.ts';
import { lookAtStreams } from './signal-statements.ts';
import { type StreamTopic, topicText, type Watchers } from './watchers.ts';

/** In place of a sequence: the session is gone, and all its streams with it. */
const GONE = -1;

export interface StreamCatchUpOptions {
  readonly database: Database;
  readonly watchers: Watchers;
  /** How long after a look the next one comes, in ms. */
  readonly intervalMs: number;
  readonly onError: (error: unknown) => void;
}

/**
 * Finds what no signal told of. While streams are watched, one statement now and then looks at all of them,
 * however many there are, and calls the watchers of those that have changed since the last look.
 */
export class StreamCatchUp {
  readonly #options: StreamCatchUpOptions;
  /** What the last look found: the last sequence, 0 for none, or {@link GONE}. */
  #known: ReadonlyMap<string, number> = new Map();
  /** Which server answered it. */
  #server: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #failing = false;
  #closed = false;

  constructor(options: StreamCatchUpOptions) {
    this.#options = options;
  }

  /** To be called when a stream is watched. The looks end by themselves when none is watched any more. */
  start(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    this.#timer = setTimeout(() => void this.#look(), this.#options.intervalMs).unref();
  }

  async #look(): Promise<void> {
    const { database, watchers, onError } = this.#options;
    const streams = watchers.streams();
    if (streams.length === 0) {
      this.#running = false;
      this.#known = new Map();
      return;
    }
    try {
      const found = await database.run(lookAtStreams, {
        refs: streams.map(({ ref }) => ref),
        streams: streams.map(({ stream }) => stream),
      });
      if (this.#closed) return;
      this.#failing = false;
      const isOther = this.#isOtherServer(found[0]?.server);
      this.#compare(streams, new Map(found.map((row) => [topicText(row), row.lastSequence])), isOther);
    } catch (error) {
      if (this.#closed) return;
      // Once for each outage, as whatever else the instance does will report it too.
      if (!this.#failing) onError(error);
      this.#failing = true;
    }
    this.#schedule();
  }

  /**
   * At the first look at a stream it is not known what its watcher saw before: only of a stream that is empty
   * in a session that is there can it be said that nothing has happened. The watchers of all others are called.
   *
   * On another server, or one that was started anew, any stream may have been set back, and have grown again since.
   */
  #compare(streams: readonly StreamTopic[], found: ReadonlyMap<string, number>, isOther: boolean): void {
    const before = this.#known;
    const now = new Map(streams.map(topicText).map((text) => [text, found.get(text) ?? GONE]));
    this.#known = now;
    for (const [text, sequence] of now) {
      const last = before.get(text) ?? 0;
      const isInDoubt = isOther || sequence < last;
      if (isInDoubt || sequence !== last) this.#options.watchers.call(text, isInDoubt);
    }
  }

  /** @param server which answered, where any stream was found */
  #isOtherServer(server: string | undefined): boolean {
    const before = this.#server;
    this.#server = server ?? before;
    return before !== undefined && before !== this.#server;
  }
}
