import type { Parameters } from 'fast-check';

/** Of a long run, whose length its caller chose. */
const LONG_TEST_MS = 6 * 3_600_000;
/** A short one ends here, with fewer tries on a machine that is busy, and with what it has found so far. */
const SHORT_PROPERTY_MS = 25_000;
/** Any number: what is tested with every change is the same each time, so that a failure is the change's. */
const FIXED_SEED = 20_260_728;

const given = { seed: whole('FUZZ_SEED'), runs: whole('FUZZ_RUNS') };
const seed = given.seed ?? FIXED_SEED;
process.stdout.write(`fuzz: seed ${seed}; FUZZ_SEED=${seed} repeats it\n`);

/**
 * How often a property is tried, and with which random numbers.
 * @param runs of a short run; `FUZZ_RUNS` is for all properties, where it is set
 */
export function fuzzed<T>(runs: number): Parameters<T> {
  if (given.runs !== undefined) return { seed, numRuns: given.runs };
  return { seed, numRuns: runs, interruptAfterTimeLimit: SHORT_PROPERTY_MS };
}

/** How long the test of a property may take. */
export function fuzzTimeout(): number | undefined {
  return given.runs === undefined ? undefined : LONG_TEST_MS;
}

function whole(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`${name} must be a whole number, but is ${text}`);
  return value;
}
