import type { Harm } from '../support/random-proxy.ts';
import type { Chance } from './chance.ts';

/** Of the requests that come while some are lost. */
const LOST_SHARE = 0.3;

/** What is wrong between the clients and the instances. */
export class Network {
  readonly #chance: Chance;
  #loses: Harm['cut'];
  #slowestMs = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** Loses some of the requests, or of their answers; nothing by default. */
  lose(what?: Harm['cut']): void {
    this.#loses = what;
  }

  /** Delays each request by up to so much. */
  delay(slowestMs: number): void {
    this.#slowestMs = slowestMs;
  }

  /** Of the next request. */
  readonly harm = (): Harm => ({
    delayMs: this.#chance.between(0, this.#slowestMs),
    cut: this.#chance.is(LOST_SHARE) ? this.#loses : undefined,
  });
}
