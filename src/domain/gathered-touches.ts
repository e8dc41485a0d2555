import type { Clock } from '../ports/clock.ts';
import type { SessionRepository, Touch } from '../ports/session-repository.ts';
import type { SessionRef } from './session.ts';

/** Touches that are due at the same time. */
interface Batch {
  readonly touches: Map<SessionRef, Touch>;
  readonly cancelWrite: () => void;
}

/**
 * Touches that wait to be written, all of one interval together: at the end of the interval that began with the
 * first of them. Those that may wait for a minute are written no more often because of one that may not.
 */
export class GatheredTouches {
  readonly #repository: SessionRepository;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  /** By the interval. A session's never changes, so that each is in one batch at most. */
  readonly #batches = new Map<number, Batch>();

  constructor(options: {
    readonly repository: SessionRepository;
    readonly clock: Clock;
    /** Told of a write on schedule that failed; it is tried again an interval later. */
    readonly onError: (error: unknown) => void;
  }) {
    this.#repository = options.repository;
    this.#clock = options.clock;
    this.#onError = options.onError;
  }

  /** Has `touch` written within `intervalMs`, in place of an earlier one of its session. */
  add(touch: Touch, intervalMs: number): void {
    const batch = this.#batches.get(intervalMs) ?? this.#begin(intervalMs);
    batch.touches.set(touch.ref, touch);
  }

  /** Drops what waits of a session, unless it is later than `lastSeenAt`. */
  drop(ref: SessionRef, lastSeenAt = Number.POSITIVE_INFINITY): void {
    for (const { touches } of this.#batches.values()) {
      const touch = touches.get(ref);
      if (touch !== undefined && touch.lastSeenAt <= lastSeenAt) touches.delete(ref);
    }
  }

  /** Writes all in one call. @throws StoreUnavailable; what could not be written goes on waiting */
  writeAll(): Promise<void> {
    return this.#write([...this.#batches.keys()]);
  }

  /** Writes that of one session. @throws StoreUnavailable; it then goes on waiting */
  async write(ref: SessionRef): Promise<void> {
    for (const [intervalMs, { touches }] of [...this.#batches]) {
      const touch = touches.get(ref);
      if (touch === undefined) continue;
      touches.delete(ref);
      await this.#touch([{ touch, intervalMs }]);
    }
  }

  /** Writes those of one interval now. */
  async writeDue(intervalMs: number): Promise<void> {
    await this.#write([intervalMs]).catch(this.#onError);
  }

  #begin(intervalMs: number): Batch {
    const cancelWrite = this.#clock.schedule(intervalMs, () => void this.writeDue(intervalMs));
    const batch = { touches: new Map<SessionRef, Touch>(), cancelWrite };
    this.#batches.set(intervalMs, batch);
    return batch;
  }

  async #write(intervals: readonly number[]): Promise<void> {
    const taken = intervals.flatMap((intervalMs) =>
      this.#take(intervalMs).map((touch) => ({ touch, intervalMs })),
    );
    if (taken.length > 0) await this.#touch(taken);
  }

  async #touch(taken: readonly { readonly touch: Touch; readonly intervalMs: number }[]): Promise<void> {
    try {
      await this.#repository.touch(
        taken.map(({ touch }) => touch),
        this.#clock.now(),
      );
    } catch (error) {
      for (const { touch, intervalMs } of taken) {
        if (this.#batches.get(intervalMs)?.touches.has(touch.ref) !== true) this.add(touch, intervalMs);
      }
      throw error;
    }
  }

  #take(intervalMs: number): Touch[] {
    const batch = this.#batches.get(intervalMs);
    if (batch === undefined) return [];
    batch.cancelWrite();
    this.#batches.delete(intervalMs);
    return [...batch.touches.values()];
  }
}
