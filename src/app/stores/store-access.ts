import type { Store } from '../../ports/store.ts';

/** A store together with what an operator does to it. */
export interface StoreAccess {
  readonly store: Store;
  /** Where the store is, for people: no user, no password. */
  readonly location: string;
  /** The command that makes what is missing. */
  readonly setupCommand: string;
  /** Creates what is missing. @returns what was created, in a person's words; empty if all was there */
  setUp(): Promise<readonly string[]>;
  /** Removes all that {@link setUp} makes, and makes sure that it is gone. @returns what was removed */
  tearDown(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface StoreEvents {
  /** Told of failures that no request waits for: a lost connection, a signal that was not sent. */
  readonly onError: (error: unknown) => void;
}
