/** Time, so that tests can set it. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /**
   * Calls `task` once after `delayMs`, unless the returned function is called before. Must not keep the
   * process alive by itself. A task that rejects is the task's own concern: handle errors inside.
   */
  schedule(delayMs: number, task: () => void): () => void;
}
