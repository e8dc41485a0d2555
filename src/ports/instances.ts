/**
 * Which instances of the service are at work. An instance that owns running calls beats; whoever waits for one
 * watches whether its count moves *on the observer's own monotonic clock*, so that no two machines' clocks are
 * ever compared.
 *
 * Laws:
 * - A record is kept for at least `INSTANCE_KEPT_MS` after its last beat. Then a store may remove it, and the
 *   count begins at 1 again.
 * - Every acknowledged beat raises the count by one, of however many callers at a time. A beat that failed, or
 *   that was sent again after its answer was lost, may have raised it too: a count that moves says that the
 *   instance lives, not how often it beat.
 */
export interface Instances {
  /**
   * Counts one beat of `instance` (16 hex digits), from 1.
   * @param now Unix milliseconds; only used for how long the record is kept
   * @throws StoreUnavailable
   */
  beat(instance: string, now: number): Promise<void>;

  /**
   * How often it has beaten, as the latest acknowledged beat left it; `undefined` if it never did or was
   * forgotten.
   * @throws StoreUnavailable
   */
  beats(instance: string): Promise<number | undefined>;

  /** Forgets an instance that ended in order; silent if unknown. @throws StoreUnavailable */
  forget(instance: string): Promise<void>;
}
