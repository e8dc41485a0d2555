/** How soon to look again after something was found; doubles with each look that finds nothing. */
const FASTEST_MS = 100;
const SLOWEST_MS = 5_000;

/**
 * Looks at one stream again and again, for all its watchers. An idle stream costs 720 requests
 * an hour, of half a read unit each: 360 read units, or a dollar for some 20,000 stream-hours.
 */
export class StreamPoller {
  readonly #look: (after: number) => Promise<number>;
  readonly #onActivity: () => void;
  readonly #onError: (error: unknown) => void;
  #known = 0;
  #delayMs = FASTEST_MS;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #failing = false;

  /** @param look the newest sequence if it is higher than `after`, else `after` */
  constructor(
    look: (after: number) => Promise<number>,
    onActivity: () => void,
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
      const newest = await this.#look(this.#known);
      if (this.#stopped) return;
      this.#failing = false;
      if (newest > this.#known) {
        this.#known = newest;
        this.#delayMs = FASTEST_MS;
        this.#onActivity();
      }
    } catch (error) {
      // Once for each outage: a thousand streams would else report it every five seconds.
      if (!this.#stopped && !this.#failing) this.#onError(error);
      this.#failing = true;
    }
    this.#schedule();
  }
}
