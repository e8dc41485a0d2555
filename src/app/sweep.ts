import type { Clock } from '../ports/clock.ts';
import type { SessionRepository } from '../ports/session-repository.ts';

const INTERVAL_MS = 60_000;
/** Rows per statement: few enough that no statement holds its locks for long. */
const BATCH = 500;
/** Batches in a row, so that a sweep of a great backlog leaves room for others … */
const MOST_BATCHES = 20;
/** … for so long. */
const BREATH_MS = 1_000;

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
  let cancel = (): void => {};

  /** @returns whether more is left */
  const sweep = async (): Promise<boolean> => {
    // One moment for all batches: what expires meanwhile is for the next sweep.
    const now = clock.now();
    for (let batch = 0; batch < MOST_BATCHES; batch += 1) {
      if (stopped || !(await sessions.deleteExpired(now, BATCH))) return false;
    }
    return true;
  };
  const scheduleIn = (delayMs: number): void => {
    if (stopped) return;
    cancel = clock.schedule(delayMs, () => {
      void sweep()
        .catch((error: unknown) => {
          onError(error);
          return false;
        })
        .then((hasMore) => (hasMore ? scheduleIn(BREATH_MS) : scheduleNext()));
    });
  };
  const scheduleNext = (): void => scheduleIn(INTERVAL_MS * (0.5 + Math.random()));
  scheduleNext();
  return () => {
    stopped = true;
    cancel();
  };
}
