import { assertChange, type Change, changeKey, encodeChange } from './change.ts';
import { CHANGES_STREAM } from './change-follower.ts';
import { LimitExceeded, StoreUnavailable } from './errors.ts';
import type { SharedLog } from './shared-log.ts';
import type { StreamWriter } from './stream-writer.ts';

/** Changes of one append at most. */
const BATCH = 64;
/** Different changes that wait for the store at most. */
export const MOST_WAITING = 1_000;

interface Waiting {
  readonly change: Change;
  readonly written: Promise<void>;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** What is said to who comes too late: to the store of this instance there is no way any more. */
export function stopped(): StoreUnavailable {
  return new StoreUnavailable({ cause: new Error('this instance has stopped') });
}

/** Appends to the log of changes what this instance publishes. */
export class ChangePublisher {
  readonly #writer: StreamWriter;
  readonly #waiting = new Map<string, Waiting>();
  #writing: Promise<void> | undefined;

  constructor(log: SharedLog) {
    this.#writer = log.writer(CHANGES_STREAM);
  }

  /** As `Changes.publish` says. */
  async publish(change: Change): Promise<void> {
    assertChange(change);
    const key = changeKey(change);
    const waiting = this.#waiting.get(key) ?? this.#wait(change);
    this.#waiting.set(key, waiting);
    this.#writing ??= this.#write();
    return waiting.written;
  }

  /** Resolves when nothing waits. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /** Drops what waits, and refuses what comes. */
  close(): void {
    this.#writer.close(stopped());
  }

  #wait(change: Change): Waiting {
    if (this.#waiting.size >= MOST_WAITING) {
      throw new LimitExceeded(
        `${MOST_WAITING} changes wait to be stored: wait for each before the next is told`,
        MOST_WAITING,
        { isPassing: true },
      );
    }
    let settle: Pick<Waiting, 'done' | 'failed'> = { done: () => {}, failed: () => {} };
    const written = new Promise<void>((done, failed) => {
      settle = { done, failed };
    });
    return { change, written, ...settle };
  }

  async #write(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, BATCH);
      // Others may read these before they are acknowledged: what is published from here on comes after them.
      for (const [key] of batch) this.#waiting.delete(key);
      try {
        await this.#writer.send(batch.map(([, { change }]) => encodeChange(change)));
        for (const [, { done }] of batch) done();
      } catch (error) {
        for (const [, { failed }] of batch) failed(error);
      }
    }
    this.#writing = undefined;
  }
}
