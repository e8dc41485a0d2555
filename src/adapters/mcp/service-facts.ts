import type { Limits } from '../../domain/limits.ts';
import type { SessionLifetime } from '../../domain/sessions.ts';
import type { Store } from '../../ports/store.ts';

/** What tools on state have to know of the service that they belong to. */
export interface ServiceFacts {
  readonly storage: Store['name'];
  readonly lifetime: SessionLifetime;
  readonly limits: Limits;
  /** Whether callers are known by name: then they can have their sessions listed. */
  readonly authenticates: boolean;
  /** Told of errors that nobody foresaw, with the reference that the client was given. */
  readonly onBug: (error: unknown, reference: string) => void;
}
