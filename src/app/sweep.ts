import type { Clock } from '../ports/clock.ts';
import type { SessionRepository } from '../ports/session-repository.ts';

const INTERVAL_MS = 60_000;
/** Where more was left than one sweep takes: else what expires faster than that would be kept for ever. */
const NEXT_MS = 1_000;
/** Sessions, or events, per statement: small enough that no statement holds its locks for long. */
const BATCH = 500;
/** Batches in a row, so that a sweep of a great backlog leaves room for others. */
const MOST_BATCHES = 20;

/**
 * Removes expired sessions now and then. Reads never wait for it: to them, expired is gone.
 * @returns ends the sweeping
 */
export function sweepRegularly(options: {
  readonly sessions: Pick<SessionRepository, 'deleteExpired'>;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}): () => void {
  const { sessions, clock, onError } = options;
  let stopped = false;
  let batch = BATCH;
  let cancel = (): void => {};

  const sweep = async (): Promise<void> => {
    let mayBeMore = true;
    try {
      for (let count = 0; count < MOST_BATCHES && mayBeMore && !stopped; count += 1) {
        ({ mayBeMore } = await sessions.deleteExpired(clock.now(), batch));
        batch = Math.min(batch * 2, BATCH);
      }
    } catch (error) {
      mayBeMore = false;
      // Sessions that hold much may be more than a statement has the time for, and would be so the next time.
      batch = Math.ceil(batch / 4);
      onError(error);
    }
    scheduleNext(mayBeMore ? NEXT_MS : INTERVAL_MS);
  };
  const scheduleNext = (intervalMs: number): void => {
    if (!stopped) cancel = clock.schedule(intervalMs * (0.5 + Math.random()), () => void sweep());
  };
  scheduleNext(INTERVAL_MS);
  return () => {
    stopped = true;
    cancel();
  };
}
