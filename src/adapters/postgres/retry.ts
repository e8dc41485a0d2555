import { setTimeout as pause } from 'node:timers/promises';
import { StoreUnavailable } from '../../domain/errors.ts';

/** Enough for 50 racers that all lose each round but one; then the store is overloaded. */
const ATTEMPTS = 100;
const LONGEST_PAUSE_MS = 20;

/** What an attempt returns that lost a race, and so learned nothing: its snapshot was older than the winner. */
export const LOST_RACE: unique symbol = Symbol('lost race');

/**
 * Repeats `attempt` until its outcome is certain. A repeated statement has a new snapshot, which shows what
 * the winner wrote, so one repetition is the rule.
 *
 * @throws StoreUnavailable when the races do not end
 */
export async function untilCertain<T>(attempt: () => Promise<T | typeof LOST_RACE>): Promise<T> {
  for (let tries = 0; tries < ATTEMPTS; tries += 1) {
    const outcome = await attempt();
    if (outcome !== LOST_RACE) return outcome;
    // With jitter, so that racers do not stay in step.
    if (tries > 0) await pause(Math.random() * Math.min(2 ** tries, LONGEST_PAUSE_MS));
  }
  throw new StoreUnavailable({ cause: new Error(`lost ${ATTEMPTS} races in a row`) });
}
