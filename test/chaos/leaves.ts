import type { Chance } from './chance.ts';

/** How a reader of a stream breaks its connections by itself. */
export interface Leaves {
  /** After each event. */
  readonly probability: number;
  /** Of those times, when it does not come back at once, so that more is said meanwhile than is kept. */
  readonly awayShare: number;
  readonly awayMs?: readonly [min: number, max: number];
}

/** @returns for how long it is gone; `undefined` if it stays */
export function leaveFor(
  chance: Chance,
  { probability, awayShare, awayMs = [0, 0] }: Leaves,
): number | undefined {
  if (!chance.is(probability)) return undefined;
  return chance.is(awayShare) ? chance.between(...awayMs) : 0;
}
