import type { HeldRecord } from './held-records.ts';
import type { StreamMessage, StreamRecord } from './stream-record.ts';

/**
 * How many of the events before its place a reader looks at where it has reason to: at first, to know messages again
 * that were appended twice, and where the log may have been set back.
 */
export const LOOK_BACK = 8;

/** What a reader of a stream was given: it knows a message again, and a log that is no longer the one it read. */
export class GivenRecords {
  /** Up to where the reader has everything. */
  upTo: number;
  /** The newest number of each writer. */
  #newest = new Map<string, number>();
  /** What the last records were, by their sequences. */
  readonly #identities = new Map<number, string>();
  /** What the log lacks since it was set back, and the newest numbers before that. */
  #lost: ReadonlySet<string> = new Set();
  #newestBefore: Map<string, number> | undefined;

  constructor(upTo: number) {
    this.upTo = upTo;
  }

  /** @returns false for a message that the reader has already, from an earlier append of it */
  add({ sequence, record }: Pick<HeldRecord, 'sequence' | 'record'>): boolean {
    const identity = identityOf(record);
    this.#identities.set(sequence, identity);
    if (this.#identities.size > LOOK_BACK) {
      const [oldest = sequence] = this.#identities.keys();
      this.#identities.delete(oldest);
    }
    if (record.kind !== 'message') return true;
    const { writer, number } = record;
    if (writer === undefined || number === undefined) return true;
    if (number <= (this.#newest.get(writer) ?? 0)) return false;
    this.#newest.set(writer, number);
    return !this.#lost.has(identity);
  }

  /**
   * Up to where the log is the one that was read: {@link upTo}, unless it was set back.
   * @param found what lies there now, in order
   * @param end up to where `found` is all there is
   */
  sharedUpTo(found: readonly HeldRecord[], end: number): number {
    for (const { sequence, record } of found) {
      if (sequence > this.upTo) break;
      const known = this.#identities.get(sequence);
      if (known !== undefined && known !== identityOf(record)) return sequence - 1;
    }
    return Math.min(this.upTo, end);
  }

  /** Goes on after `sequence`. What was given of the lost part is not given again where its writer repeats it. */
  setBack(sequence: number): void {
    this.upTo = sequence;
    this.#lost = new Set(
      [...this.#identities].filter(([each]) => each > sequence).map(([, identity]) => identity),
    );
    this.#identities.clear();
    // Numbers may be given anew: those of changes are their places in a log that was set back too.
    this.#newestBefore ??= new Map();
    for (const [writer, number] of this.#newest) {
      this.#newestBefore.set(writer, Math.max(number, this.#newestBefore.get(writer) ?? 0));
    }
    this.#newest = new Map();
  }

  /** Whether a message came before this one that was lost when the log was set back, if its writer counts them all. */
  lacksBefore({ writer, number }: StreamMessage): boolean {
    if (this.#newestBefore === undefined || writer === undefined || number === undefined) return false;
    return number > Math.max(this.#newestBefore.get(writer) ?? 0, this.#newest.get(writer) ?? 0) + 1;
  }
}

/** The same for two records only if they are the same one, or say nothing to anybody. */
function identityOf(record: StreamRecord): string {
  switch (record.kind) {
    case 'message':
      return `${record.writer} ${record.number} ${record.at}`;
    case 'open':
      return `open ${record.at}`;
    case 'begin':
    case 'alive':
      return record.kind;
  }
}
