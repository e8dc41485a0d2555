import type { Clock } from '../../../ports/clock.ts';

export interface TurnsOptions {
  /** How many may be at it at a time; asked whenever a turn is wanted or over. */
  readonly most: () => number;
  /** What takes longer than this does not hold up the others any more. Milliseconds. */
  readonly longestMs: number;
  readonly clock: Clock;
}

/** Lets many do something a few at a time, in the order in which they come. */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  async take<T>(operation: () => Promise<T>): Promise<T> {
    const { most, longestMs, clock } = this.#options;
    if (this.#taken < most()) this.#taken += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isOver = false;
    const passOn = (): void => {
      if (isOver) return;
      isOver = true;
      this.#taken -= 1;
      while (this.#waiting.length > 0 && this.#taken < most()) {
        this.#taken += 1;
        this.#waiting.shift()?.();
      }
    };
    const cancel = clock.schedule(longestMs, passOn);
    try {
      return await operation();
    } finally {
      cancel();
      passOn();
    }
  }
}
