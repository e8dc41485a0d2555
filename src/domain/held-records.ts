import type { RequestId } from './request-id.ts';
import type { StreamRecord } from './stream-record.ts';

/** Characters held for a slow reader, beyond one append; the rest stays in the log until it has caught up. */
export const MOST_HELD = 1024 * 1024;

export interface HeldRecord {
  readonly sequence: number;
  readonly record: StreamRecord;
  /** In characters. */
  readonly size: number;
  /** The stream ends with it. */
  readonly end: boolean;
}

/** What a reader of a stream has in hand and has not given on yet, in order. */
export class HeldRecords {
  #records: HeldRecord[] = [];
  #size = 0;
  /** The last sequence that was in hand. */
  upTo: number;

  constructor(upTo: number) {
    this.upTo = upTo;
  }

  get isEmpty(): boolean {
    return this.#records.length === 0;
  }

  hasRoomFor(records: readonly HeldRecord[]): boolean {
    return this.isEmpty || this.#size + sizeOf(records) <= MOST_HELD;
  }

  add(records: readonly HeldRecord[]): void {
    this.#records.push(...records);
    this.#size += sizeOf(records);
    this.upTo = records.at(-1)?.sequence ?? this.upTo;
  }

  take(): HeldRecord | undefined {
    const next = this.#records.shift();
    this.#size -= next?.size ?? 0;
    return next;
  }

  clear(): void {
    this.#records = [];
    this.#size = 0;
  }

  /** The requests that the stream answers, where a record tells. */
  requests(): readonly RequestId[] {
    for (const { record } of this.#records) {
      if (record.requests !== undefined) return record.requests;
    }
    return [];
  }
}

export function sizeOf(records: readonly HeldRecord[]): number {
  return records.reduce((sum, { size }) => sum + size, 0);
}
