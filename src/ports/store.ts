import type { EventLog } from './event-log.ts';
import type { Instances } from './instances.ts';
import type { SessionDirectory } from './session-directory.ts';
import type { SessionRepository } from './session-repository.ts';
import type { Signals } from './signals.ts';

/** One engine behind all ports, as an adapter hands it to the application. */
export interface Store {
  /** `memory`, `postgres`, `dynamodb` or another: as tools show it in `storage` and `storage_backend`. */
  readonly name: string;
  readonly sessions: SessionRepository;
  readonly directory: SessionDirectory;
  readonly events: EventLog;
  readonly signals: Signals;
  readonly instances: Instances;
  /**
   * Resolves if the store answers and its tables are there.
   * @throws StoreUnavailable, StoreNotSetUp
   */
  check(): Promise<void>;
  /** Ends connections and timers. Idempotent. */
  close(): Promise<void>;
}
