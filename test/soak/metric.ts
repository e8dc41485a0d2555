import type { Tolerance } from './flatness.ts';

/** Something that must stop growing. */
export interface Metric {
  readonly name: string;
  /** Empty for a count. */
  readonly unit: string;
  readonly tolerance: Tolerance;
  /** Where it is to be judged by sessions as well: what kind it is, of which there is one metric for each instance. */
  readonly kind?: Kind;
  sample(): Promise<number>;
}

/** What a session that came and went may leave behind on all instances together. */
export interface Kind {
  readonly name: string;
  readonly unit: string;
  /** Of the unit, in one of the metric's. */
  readonly perMetricUnit: number;
  /** For each session, in the unit: what is compiled and remembered up to a limit is less. */
  readonly allowed: number;
}
