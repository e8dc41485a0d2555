import type { Clock } from '../../src/ports/clock.ts';

/** A clock that a test moves. Tasks run when their time has come, in order. */
export class FakeClock implements Clock {
  #now: number;
  #tasks: { at: number; task: () => void }[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  schedule(delayMs: number, task: () => void): () => void {
    const scheduled = { at: this.#now + delayMs, task };
    this.#tasks.push(scheduled);
    return () => {
      this.#tasks = this.#tasks.filter((each) => each !== scheduled);
    };
  }

  /** Moves the time forward, and lets what became due run and settle. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      const next = this.#tasks.filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#tasks = this.#tasks.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.at);
      next.task();
      await settle();
    }
    this.#now = until;
    await settle();
  }
}

/** Lets promises that are ready run their course. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
