import type { Harm, RandomProxy } from '../support/random-proxy.ts';
import type { Chance } from './chance.ts';
import type { Fleet } from './fleet.ts';
import { pause } from './pause.ts';

export const FAULTS = [
  'instances killed',
  'sockets cut',
  'requests lost',
  'answers lost',
  'slow network',
  'store paused',
  'store answers lost',
  'store connections reset',
  'slow store',
] as const;

export type Fault = (typeof FAULTS)[number];

/** A pause that is longer than any of the store's own patience with it: rare, since nothing else happens meanwhile. */
const LONG_PAUSE_MS = 6_500;
const LONG_PAUSE_PROBABILITY = 0.1;
/** Of the kills, those in the midst of what the instances ask of the store. */
const MIDST_SHARE = 0.5;
/** Until all that clients wait for is under way at the store. */
const MIDST_MS = 150;
/** Of the requests that come while some are lost. */
const LOST_SHARE = 0.3;

export interface FaultTargets {
  readonly fleet: Fleet;
  readonly proxy: RandomProxy;
  readonly network: Network;
}

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

/** Has one fault after the other happen: in each round all there are, in another order. */
export class FaultInjector {
  /** How often each happened; of instances, how many were killed. */
  readonly tally = new Map<Fault, number>();
  readonly #targets: FaultTargets;
  readonly #chance: Chance;

  constructor(targets: FaultTargets, chance: Chance) {
    this.#targets = targets;
    this.#chance = chance;
  }

  /** Resolves, with everything whole again, soon after `until` is aborted. */
  async run(until: AbortSignal): Promise<void> {
    for (let round = 0; !until.aborted; round += 1) {
      for (const fault of this.#chance.shuffled(FAULTS)) {
        await pause(this.#chance.between(100, 600), until);
        if (until.aborted) return;
        const count = await this.#happen(fault, until, round);
        this.tally.set(fault, (this.tally.get(fault) ?? 0) + count);
      }
    }
  }

  /** @returns how many */
  async #happen(fault: Fault, until: AbortSignal, round: number): Promise<number> {
    const { fleet, proxy, network } = this.#targets;
    const chance = this.#chance;
    const whileMs = chance.between(300, 1_000);
    switch (fault) {
      case 'instances killed': {
        const [count, restartAfterMs] = [chance.pick([1, 1, 1, 2, 3]), chance.between(0, 1_000)];
        // Else there might be nothing to kill.
        await fleet.whole();
        if (until.aborted) return 0;
        const isInTheMidst = chance.is(MIDST_SHARE);
        if (isInTheMidst) {
          fleet.link.pause();
          await pause(MIDST_MS);
        }
        const killed = await fleet.kill(count, restartAfterMs);
        fleet.link.resume();
        return killed;
      }
      case 'sockets cut':
        proxy.cut();
        return 1;
      case 'store connections reset':
        fleet.link.reset();
        return 1;
      case 'store answers lost':
        fleet.link.loseAnswers();
        await pause(MIDST_MS);
        fleet.link.reset();
        return 1;
      case 'requests lost':
      case 'answers lost':
        network.lose(fault === 'requests lost' ? 'request' : 'answer');
        await pause(whileMs, until);
        network.lose();
        return 1;
      case 'slow network':
        network.delay(chance.between(20, 400));
        await pause(whileMs, until);
        network.delay(0);
        return 1;
      case 'store paused': {
        // Not in the first round: a short run is to see all faults there are.
        const isLong = chance.is(LONG_PAUSE_PROBABILITY) && round > 0;
        const ms = chance.between(300, 2_000);
        fleet.link.pause();
        await pause(isLong ? LONG_PAUSE_MS : ms, until);
        fleet.link.resume();
        return 1;
      }
      case 'slow store':
        fleet.link.delay(chance.between(5, 60));
        await pause(whileMs, until);
        fleet.link.delay(0);
        return 1;
    }
  }
}
