/** How soon to look again after something was found; doubles with each look that finds nothing. */
const FASTEST_MS = 100;
const SLOWEST_MS = 4_000;

/** A stream as a look found it. */
export interface Seen {
  /** From where on the next look has to look: the place of the newest record, 1 without any. */
  readonly first: number;
  /** Another one than before says that the stream has changed. */
  readonly id: string;
}

/** No records, or none any more. */
export const EMPTY: Seen = { first: 1, id: 'empty' };
/** No records, and no session either. */
export const GONE: Seen = { first: 1, id: 'gone' };

/**
 * Looks at one stream again and again, for all its watchers. An idle stream costs 900 requests an hour, each of
 * half a read unit per 4 KB of its newest record: 450 read units where that is small or there is none, or a
 * dollar for some 18,000 stream-hours; ninety times as much for the largest record, of 350 KB. A stream without
 * records costs twice that, since its session is looked for too: such are watched only while a call runs.
 *
 * The newest record is read again and again because otherwise a stream that is gone would look like an idle one.
 */
export class StreamPoller {
  readonly #look: (known: Seen | undefined) => Promise<Seen>;
  readonly #onActivity: (isInDoubt: boolean) => void;
  readonly #onError: (error: unknown) => void;
  #known: Seen | undefined;
  /** The furthest that a look has found, `first` of a record. */
  #highest = 0;
  #delayMs = FASTEST_MS;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #failing = false;

  /**
   * @param look takes what the last look found, `undefined` for the first one
   * @param onActivity told whether what was there is not: an older replica may have been asked, or the table set back
   */
  constructor(
    look: (known: Seen | undefined) => Promise<Seen>,
    onActivity: (isInDoubt: boolean) => void,
    onError: (error: unknown) => void,
  ) {
    this.#look = look;
    this.#onActivity = onActivity;
    this.#onError = onError;
    this.#schedule();
  }

  /** Looks soon: where one message was, the next may follow. */
  hurry(): void {
    this.#delayMs = FASTEST_MS;
    if (this.#timer !== undefined) this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#poll();
    }, this.#delayMs).unref();
  }

  async #poll(): Promise<void> {
    // Before the look, so that a `hurry` during it is not undone.
    this.#delayMs = Math.min(this.#delayMs * 2, SLOWEST_MS);
    try {
      const { id: before } = this.#known ?? EMPTY;
      const found = await this.#look(this.#known);
      if (this.#stopped) return;
      this.#failing = false;
      this.#known = found;
      if (found.id !== before) {
        this.#delayMs = FASTEST_MS;
        this.#onActivity(found.first <= this.#highest);
        if (found !== EMPTY && found !== GONE) this.#highest = Math.max(this.#highest, found.first);
      }
    } catch (error) {
      // Once for each outage: a thousand streams would else report it every four seconds.
      if (!this.#stopped && !this.#failing) this.#onError(error);
      this.#failing = true;
    }
    this.#schedule();
  }
}
