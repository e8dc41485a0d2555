import fc from 'fast-check';
import { encodeValue } from '../../../src/domain/json.ts';
import { DEFAULT_LIMITS } from '../../../src/domain/limits.ts';
import type { LiveSession } from '../../../src/domain/session.ts';
import { assertKey } from '../../../src/domain/value.ts';
import { SLOTS, type Slot } from './world.ts';

/** One of them most of all, so that something comes of what was done to it before. */
export const slotIndex = fc.oneof(fc.constant(1), fc.nat({ max: SLOTS - 1 }));

/** A session as a caller knows it, who may have read it long ago. */
export const caller = fc.record({ slot: slotIndex, isStale: fc.boolean() });

export function known(slot: Slot, isStale: boolean): LiveSession {
  return isStale ? slot.first : slot.last;
}

/** Few, so that they meet; each a trap of some engine: order, case, normal form, wildcards, members of objects. */
const FAMILIAR_KEYS = [
  'a',
  'A',
  'ab',
  'a%',
  'a_b',
  '\u00e9',
  'e\u0301',
  '\uff61',
  '\u{1f600}',
  '__proto__',
  '#',
];

export const key = fc.oneof(
  // As many as make several pages.
  { weight: 12, arbitrary: fc.constantFrom('a', 'a', 'b', 'c') },
  { weight: 6, arbitrary: fc.constantFrom(...FAMILIAR_KEYS) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }).filter(isKey) },
);

function isKey(text: string): boolean {
  try {
    assertKey(text);
    return true;
  } catch {
    return false;
  }
}

/** JSON texts as the domain makes them. */
export const json = fc
  .oneof(
    { weight: 4, arbitrary: fc.nat({ max: 9 }) },
    { weight: 1, arbitrary: fc.jsonValue({ stringUnit: 'binary' }) },
  )
  .map((value) => encodeValue(value, DEFAULT_LIMITS));

/** What a guarded write expects: what is there, as it may be found out, or something of one's own. */
export const expectedVersion = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 3, arbitrary: fc.constant('current' as const) },
  { weight: 2, arbitrary: fc.nat({ max: 3 }) },
  // Beyond the integers of a store.
  { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER) },
);
