import type { RegisterOperation } from './register.ts';
import type { Announcement, Listening, OfficialCall, StreamCall } from './stream-records.ts';

export const KINDS = [
  'store',
  'store once',
  'compare and set',
  'get',
  'delete',
  'list',
  'announce',
  'count',
  'cancel',
  'elicit',
  'official count',
] as const;

export type Kind = (typeof KINDS)[number];

/** Of a failed one it is certain that it did nothing. */
export type Outcome = 'ok' | 'fail' | 'unknown';

/** A promise that was broken, and what shows it. */
export interface Violation {
  readonly what: string;
  readonly evidence: readonly string[];
}

/** What was done to one key, and by whom. */
export interface KeyRecord {
  readonly session: string;
  readonly key: string;
  readonly client: string;
  readonly operation: RegisterOperation;
}

/** All that clients did and saw. Times are milliseconds since the history began. */
export class History {
  readonly keyRecords: KeyRecord[] = [];
  readonly calls: StreamCall[] = [];
  readonly announcements: Announcement[] = [];
  readonly listenings: Listening[] = [];
  readonly officialCalls: OfficialCall[] = [];
  /** What was seen to be wrong on the spot. */
  readonly violations: Violation[] = [];
  readonly tally = new Map<Kind, Record<Outcome, number>>();
  readonly #beganAt = performance.now();
  #lastId = 0;

  now(): number {
    return performance.now() - this.#beganAt;
  }

  /** Unique in the run. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  count(kind: Kind, outcome: Outcome): void {
    const counts = this.tally.get(kind) ?? { ok: 0, fail: 0, unknown: 0 };
    counts[outcome] += 1;
    this.tally.set(kind, counts);
  }

  violation(what: string, ...evidence: readonly unknown[]): void {
    const lines = evidence.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
    this.violations.push({ what, evidence: lines });
  }
}
