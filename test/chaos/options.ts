import { randomInt } from 'node:crypto';
import { storeFlag } from '../../src/app/cli/command.ts';
import { InvalidSettings } from '../../src/app/settings.ts';
import type { StoreName } from '../../src/app/store-config.ts';

export interface ChaosOptions {
  readonly store: StoreName;
  /** How long faults happen; start, recovery and check come on top. */
  readonly seconds: number;
  readonly seed: number;
}

export const FLAGS = {
  store: { type: 'string', help: 'postgres or dynamodb; required' },
  seconds: { type: 'string', help: 'how long faults happen, at least 10; 60' },
  seed: {
    type: 'string',
    help:
      'makes the random choices of an earlier run again: what clients do, which faults happen, when and to whom. ' +
      'Real processes do not repeat to the microsecond, so what comes of that may differ from run to run',
  },
} as const;

/** @throws InvalidSettings */
export function readOptions(flags: {
  readonly store?: string;
  readonly seconds?: string;
  readonly seed?: string;
}): ChaosOptions {
  const { store, seconds = '60', seed = String(randomInt(2 ** 31)) } = flags;
  return {
    store: storeFlag(store),
    seconds: wholeNumber('--seconds', seconds, { min: 10, max: 3_600 }),
    seed: wholeNumber('--seed', seed, { min: 0, max: 2 ** 31 - 1 }),
  };
}

/** What to type to have the same choices made again. */
export function commandOf({ store, seconds, seed }: ChaosOptions): string {
  return `npm run chaos -- --store ${store} --seconds ${seconds} --seed ${seed}`;
}

function wholeNumber(flag: string, text: string, { min, max }: { min: number; max: number }): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new InvalidSettings([
    `${flag} must be a whole number from ${min} to ${max}, but is ${JSON.stringify(text)}`,
  ]);
}
