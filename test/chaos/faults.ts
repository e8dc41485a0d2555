import type { StoreName } from '../../src/app/store-config.ts';
import type { RandomProxy } from '../support/random-proxy.ts';
import type { Chance } from './chance.ts';
import type { Fleet } from './fleet.ts';
import type { Network } from './network.ts';
import { pause } from './pause.ts';

/** Each round has all of them, but for what the store has no way to suffer. */
const ROUND = [
  'instances killed',
  'instances frozen',
  'sockets cut',
  'requests lost',
  'answers lost',
  'slow network',
  'store paused',
  'store answers lost',
  'store connections reset',
  'slow store',
  'store killed',
] as const;

type RoundFault = (typeof ROUND)[number];

/** Beside the rounds, once in each full minute. */
const LONG_FREEZE = 'frozen for long';

export type Fault = RoundFault | typeof LONG_FREEZE;

/** The emulators of DynamoDB have their data in memory: killed, they would forget what they acknowledged. */
const LEFT_OUT: Readonly<Record<StoreName, readonly RoundFault[]>> = {
  postgres: [],
  dynamodb: ['store killed'],
};

/** What does not happen on a store. */
export function leftOutOn(store: StoreName): readonly Fault[] {
  return LEFT_OUT[store];
}

/** What happens at least once in a run of so many seconds. */
export function faultsDue(store: StoreName, seconds: number): readonly Fault[] {
  return [...roundOn(store), ...(longFreezesIn(seconds) > 0 ? ([LONG_FREEZE] as const) : [])];
}

function roundOn(store: StoreName): readonly RoundFault[] {
  return ROUND.filter((fault) => !LEFT_OUT[store].includes(fault));
}

const MINUTE_MS = 60_000;

function longFreezesIn(seconds: number): number {
  return Math.floor((seconds * 1_000) / MINUTE_MS);
}

/** A pause that is longer than any of the store's own patience with it: rare, since nothing else happens meanwhile. */
const LONG_PAUSE_MS = 6_500;
const LONG_PAUSE_PROBABILITY = 0.1;
/**
 * Long enough for the others to take the instance for dead: 12 s from their first look, and some for a look to fail.
 * When it goes on, its calls have been ended by others.
 */
const LONG_FREEZE_MS = 20_000;
/** Of the kills, those in the midst of what the instances ask of the store. */
const MIDST_SHARE = 0.5;
/** Until all that clients wait for is under way at the store. */
const MIDST_MS = 150;
/** Answers of the store that are lost at a time, and how long it may take until there are so many. */
const FEWEST_KEPT = 12;
const MOST_KEEPING_MS = 1_000;
/** Of the rounds after the first: the store takes a second or more to come back. */
const STORE_KILLED_SHARE = 0.5;

export interface FaultTargets {
  readonly fleet: Fleet;
  readonly proxy: RandomProxy;
  readonly network: Network;
}

/** Has one fault after the other happen: in each round all there are, in another order. */
export class FaultInjector {
  /** How often each happened; of instances, how many were killed. */
  readonly tally = new Map<Fault, number>();
  readonly #targets: FaultTargets;
  readonly #chance: Chance;
  readonly #round: readonly RoundFault[];
  readonly #longFreezesAt: readonly number[];

  /** @param seconds how long it is to run */
  constructor(
    targets: FaultTargets,
    { store, seconds }: { readonly store: StoreName; readonly seconds: number },
    chance: Chance,
  ) {
    this.#targets = targets;
    this.#chance = chance;
    this.#round = roundOn(store);
    const latest = MINUTE_MS - LONG_FREEZE_MS;
    this.#longFreezesAt = Array.from(
      { length: longFreezesIn(seconds) },
      (_, minute) => minute * MINUTE_MS + chance.between(latest / 4, latest),
    );
  }

  /**
   * Resolves, with everything whole again, soon after `over` is aborted and each fault has happened.
   * @param interrupted ends it at once
   */
  async run(over: AbortSignal, interrupted: AbortSignal): Promise<void> {
    await Promise.all([this.#freezeForLong(Date.now(), over), this.#rounds(over, interrupted)]);
  }

  async #rounds(over: AbortSignal, interrupted: AbortSignal): Promise<void> {
    for (let round = 0; !over.aborted; round += 1) {
      // A slow machine takes longer for the first.
      const until = round === 0 ? interrupted : over;
      for (const fault of this.#chance.shuffled(this.#round)) {
        await pause(this.#chance.between(50, 400), until);
        if (until.aborted) break;
        this.#count(fault, await this.#happen(fault, until, round));
      }
    }
  }

  #count(fault: Fault, times: number): void {
    this.tally.set(fault, (this.tally.get(fault) ?? 0) + times);
  }

  /** All else goes on meanwhile. */
  async #freezeForLong(beganAt: number, over: AbortSignal): Promise<void> {
    const { fleet } = this.#targets;
    for (const at of this.#longFreezesAt) {
      await pause(beganAt + at - Date.now(), over);
      if (over.aborted) return;
      const thaw = await fleet.freeze({ isNoticed: true });
      await pause(LONG_FREEZE_MS, over);
      thaw?.();
      this.#count(LONG_FREEZE, thaw === undefined ? 0 : 1);
    }
  }

  /** @returns how many */
  async #happen(fault: RoundFault, until: AbortSignal, round: number): Promise<number> {
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
      case 'instances frozen': {
        const ms = chance.between(300, 2_000);
        const thaw = await fleet.freeze();
        await pause(ms, until);
        thaw?.();
        return thaw === undefined ? 0 : 1;
      }
      case 'store killed': {
        const downMs = chance.between(0, 500);
        if (!chance.is(STORE_KILLED_SHARE) && round > 0) return 0;
        await fleet.killStore(downMs);
        return 1;
      }
      case 'sockets cut':
        proxy.cut();
        return 1;
      case 'store connections reset':
        fleet.link.reset();
        return 1;
      case 'store answers lost': {
        const kept = fleet.link.loseAnswers();
        const deadline = Date.now() + MOST_KEEPING_MS;
        await pause(MIDST_MS);
        while (kept() < FEWEST_KEPT && Date.now() < deadline) await pause(10);
        fleet.link.reset();
        return 1;
      }
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
