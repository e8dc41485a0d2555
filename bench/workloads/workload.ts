import type { ContenderName } from '../contenders/contender.ts';
import type { Environment } from '../contenders/environment.ts';

/** What was measured, by name; the name ends in the unit, such as `calls_per_s`, `p99_ms` or `cpu_us_per_call`. */
export type Figures = Readonly<Record<string, number>>;

/** One thing that is measured and compared with others of its workload. */
export interface Case {
  /** Unique in the workload. */
  readonly name: string;
  readonly contender: ContenderName;
  /** Makes all ready, once, before the first round. Nothing of it is measured. */
  prepare(environment: Environment): Promise<PreparedCase>;
}

export interface PreparedCase {
  /**
   * One round.
   *
   * @param seconds about how long it should measure; what has a fixed amount of work ignores it
   * @throws WrongAnswer if an answer was not what it must be
   */
  measure(seconds: number): Promise<Figures>;
  /** Ends what {@link Case.prepare} began. Servers stay. */
  close(): Promise<void>;
}

/** Cases that are measured in turn, round by round, so that each round can be compared within itself. */
export interface Workload {
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly cases: readonly Case[];
  /** Whether a quick run has it too. */
  readonly quick?: boolean;
  /** Instead of as many as the run is to have. */
  readonly rounds?: number;
}
