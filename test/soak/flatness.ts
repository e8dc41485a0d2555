/** How much a metric may have grown between the second and the last quarter of a run: the largest of these. */
export interface Tolerance {
  /** Of what it was in the second quarter. */
  readonly share: number;
  /** In the metric's own unit. */
  readonly amount: number;
  /** For each session opened in between: what lives for a while is more where a machine gets less busy. */
  readonly perSession?: number;
}

export interface Flatness {
  /** The median of the second quarter. The first is the warm-up, and not judged. */
  readonly before: number;
  /** The median of the last quarter. */
  readonly after: number;
  readonly allowed: number;
  readonly isFlat: boolean;
}

/** Fewer say nothing: a quarter must have a median that one odd sample cannot move. */
export const FEWEST_SAMPLES = 12;

/**
 * Whether a metric stopped growing. Medians of whole quarters, so that what comes and goes, such as a backlog that is
 * swept once a minute, and single samples far off do not count; shrinking is flat.
 *
 * @param sessions opened between the middle of the second quarter and that of the last
 * @param samples taken at equal distances; at least {@link FEWEST_SAMPLES}
 */
export function judgeFlatness(samples: readonly number[], tolerance: Tolerance, sessions = 0): Flatness {
  if (samples.length < FEWEST_SAMPLES) throw new Error(`${samples.length} samples are too few to judge`);
  const quarter = samples.length / 4;
  const before = median(samples.slice(Math.round(quarter), Math.round(quarter * 2)));
  const after = median(samples.slice(Math.round(quarter * 3)));
  const allowed = Math.max(
    before * tolerance.share,
    tolerance.amount,
    sessions * (tolerance.perSession ?? 0),
  );
  return { before, after, allowed, isFlat: after - before <= allowed };
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}
