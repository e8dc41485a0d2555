import type { Clock } from '../ports/clock.ts';
import type { SessionRepository } from '../ports/session-repository.ts';

const INTERVAL_MS = 60_000;
/** Sessions per statement: small enough that no statement holds its locks for long. */
const BATCH = 500;
/** Batches in a row, so that a sweep of a great backlog leaves room for others. */
const MOST_BATCHES = 20;

/**
 * Removes expired sessions now and then. Reads never wait for it: to them, expired is gone.
 * @returns ends the sweeping
 */
export function sweepRegularly(options: {
  readonly sessions: SessionRepository;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}): () => void {
  const { sessions, clock, onError } = options;
  let stopped = false;
  let cancel = (): void => {};

  const sweep = async (): Promise<void> => {
    try {
      for (let batch = 0; batch < MOST_BATCHES && !stopped; batch += 1) {
        if ((await sessions.deleteExpired(clock.now(), BATCH)) < BATCH) break;
      }
    } catch (error) {
      onError(error);
    }
    scheduleNext();
  };
  const scheduleNext = (): void => {
    if (!stopped) cancel = clock.schedule(INTERVAL_MS * (0.5 + Math.random()), () => void sweep());
  };
  scheduleNext();
  return () => {
    stopped = true;
    cancel();
  };
}
