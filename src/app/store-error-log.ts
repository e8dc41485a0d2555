import type { Logger } from 'pino';
import type { Clock } from '../ports/clock.ts';

/** While a store is down, one line per this time tells it, however many requests fail. */
const QUIET_MS = 5_000;

/** Logs store errors without flooding the log during an outage. */
export class StoreErrorLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #quietUntil = 0;
  #suppressed = 0;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  report(error: unknown): void {
    const now = this.#clock.now();
    if (now < this.#quietUntil) {
      this.#suppressed += 1;
      return;
    }
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    this.#logger.warn({ err: cause, suppressed: this.#suppressed }, 'the session store failed');
    this.#quietUntil = now + QUIET_MS;
    this.#suppressed = 0;
  }
}
