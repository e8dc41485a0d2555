import { createHash } from 'node:crypto';
import { seededRandom } from '../support/seeded-random.ts';

/** Random choices that a seed determines. */
export class Chance {
  readonly #next: () => number;

  /** @param who has choices of its own, so that nobody's depend on how often others choose */
  constructor(seed: number, who: string) {
    this.#next = seededRandom(createHash('sha256').update(`${seed} ${who}`).digest().readInt32BE());
  }

  /** True with this probability, from 0 to 1. */
  is(probability: number): boolean {
    return this.#next() < probability;
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.#next() * (max - min + 1));
  }

  pick<T>(options: readonly [T, ...T[]]): T {
    return options[this.between(0, options.length - 1)] as T;
  }

  /** The same in another order. */
  shuffled<T>(options: readonly T[]): T[] {
    const left = [...options];
    return options.map(() => left.splice(this.between(0, left.length - 1), 1)[0] as T);
  }
}
