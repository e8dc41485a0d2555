import type { Clock } from '../ports/clock.ts';
import { StoreUnavailable } from './errors.ts';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

export interface Persistence {
  readonly clock: Clock;
  /** Told of each attempt that failed. */
  readonly onError: (error: unknown) => void;
  /** Asked before each further attempt. */
  readonly isOver?: () => boolean;
  /** Whether to try again after this. `StoreUnavailable` only, by default. */
  readonly isPassing?: (error: unknown) => boolean;
}

const isOutage = (error: unknown): boolean => error instanceof StoreUnavailable;

/**
 * Repeats `operation` for as long as the store is unavailable: for what must come to pass however long an
 * outage lasts, and may be done twice.
 *
 * @throws what `operation` throws, of what is passing only once `isOver`
 */
export async function persist<T>(operation: () => Promise<T>, persistence: Persistence): Promise<T> {
  const { clock, onError, isOver = () => false, isPassing = isOutage } = persistence;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await operation();
    } catch (error) {
      if (!isPassing(error) || isOver()) throw error;
      onError(error);
      await pause(clock, pauseMs);
      if (isOver()) throw error;
    }
  }
}

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.schedule(ms, resolve));
}
