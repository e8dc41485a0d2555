import type { Logger } from 'pino';
import type { Clock } from '../ports/clock.ts';

/** While a store is down, one line per this time tells it, however many requests fail. */
const QUIET_MS = 5_000;

/** Logs store errors without flooding the log during an outage. */
export class StoreErrorLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #suppressed = 0;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  report(error: unknown): void {
    const now = this.#clock.now();
    // A clock that was set back is no reason to be quiet for as long.
    if (now >= this.#reportedAt && now < this.#reportedAt + QUIET_MS) {
      this.#suppressed += 1;
      return;
    }
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    this.#logger.warn({ err: cause, suppressed: this.#suppressed }, 'the session store failed');
    this.#reportedAt = now;
    this.#suppressed = 0;
  }
}
