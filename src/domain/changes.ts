import type { Clock } from '../ports/clock.ts';
import { type Change, type ChangeStep, decodeChange } from './change.ts';
import { CHANGES_STREAM, ChangeFollower } from './change-follower.ts';
import { ChangePublisher, stopped } from './change-publisher.ts';
import { PendingChanges } from './pending-changes.ts';
import type { SharedLog } from './shared-log.ts';

const PAGE = 256;

export type ChangeListener = (step: ChangeStep) => void;

export interface ChangeSubscription {
  /**
   * Resolves once no later change can be missed, with the sequence after which every change is told. Rejects with
   * `StoreUnavailable` where that cannot be yet; the listener then goes on waiting for the store until `end`.
   */
  readonly ready: Promise<number>;
  /** Idempotent. */
  end(): void;
}

export interface ChangesOptions {
  readonly log: SharedLog;
  readonly clock: Clock;
  /** Told of failures that nobody waits for. */
  readonly onError: (error: unknown) => void;
}

/**
 * What changes about the servers, told to whoever listens on any instance. It is in a log before anybody is told, so
 * that a lost signal delays a change and loses none. The log is followed only while somebody listens here.
 */
export class Changes {
  readonly #options: ChangesOptions;
  readonly #publisher: ChangePublisher;
  readonly #listeners = new Set<ChangeListener>();
  #isClosed = false;
  #follower: ChangeFollower | undefined;

  constructor(options: ChangesOptions) {
    this.#options = options;
    this.#publisher = new ChangePublisher(options.log);
  }

  /**
   * Resolves once the change is in the log. An outage of the store delays it; what is published several times
   * meanwhile is written once.
   * @throws InvalidArgument; LimitExceeded while 1,000 different changes wait; StoreUnavailable once this is closed
   */
  publish(change: Change): Promise<void> {
    return this.#publisher.publish(change);
  }

  /**
   * Tells `listener` of every change that is published from now on, by whichever instance, in order.
   * It must not throw.
   */
  subscribe(listener: ChangeListener): ChangeSubscription {
    if (this.#isClosed) {
      const ready = Promise.reject(stopped());
      ready.catch(() => {});
      return { ready, end: () => {} };
    }
    this.#follower ??= new ChangeFollower({ ...this.#options, onStep: (step) => this.#tell(step) });
    const follower = this.#follower;
    const each: ChangeListener = (step) => listener(step);
    this.#listeners.add(each);
    const ready = follower.standing.then(() => follower.position as number);
    // Not everybody waits for it.
    ready.catch(() => {});
    return {
      ready,
      end: () => {
        if (this.#listeners.delete(each) && this.#listeners.size === 0) this.#stopFollowing();
      },
    };
  }

  /** The changes after `after` up to `upTo`, of those that say the same the last one. @throws StoreUnavailable */
  async between(after: number, upTo: number): Promise<ChangeStep[]> {
    const found = new PendingChanges();
    for (let last: number | undefined = after; last !== undefined && last < upTo; ) {
      const { records, gap } = await this.#options.log.read(CHANGES_STREAM, last, PAGE);
      if (gap !== undefined) found.add({ kind: 'missed', sequence: Math.min(gap.to, upTo) });
      for (const { sequence, record } of records) {
        const change = record.kind === 'message' ? decodeChange(record.message) : undefined;
        if (change !== undefined && sequence <= upTo) found.add({ kind: 'change', sequence, change });
      }
      last = records.at(-1)?.sequence;
    }
    return found.take();
  }

  /** Resolves when nothing waits to be written. */
  flush(): Promise<void> {
    return this.#publisher.flush();
  }

  /** Drops what waits to be written, refuses what comes, and ends the following. */
  close(): void {
    this.#isClosed = true;
    this.#publisher.close();
    this.#listeners.clear();
    this.#stopFollowing();
  }

  #tell(step: ChangeStep): void {
    for (const listener of [...this.#listeners]) listener(step);
  }

  #stopFollowing(): void {
    this.#follower?.close();
    this.#follower = undefined;
  }
}
