const LONGEST_MS = 160;

/**
 * Waits a random time below a bound that doubles with each attempt (from 0), so that of many who collided
 * few meet again.
 */
export function pause(attempt: number): Promise<void> {
  const bound = Math.min(5 * 2 ** attempt, LONGEST_MS);
  return new Promise((resolve) => setTimeout(resolve, Math.random() * bound));
}
