import type { Tolerance } from './flatness.ts';

/** Something that must stop growing. */
export interface Metric {
  readonly name: string;
  /** Empty for a count. */
  readonly unit: string;
  readonly tolerance: Tolerance;
  sample(): Promise<number>;
}
