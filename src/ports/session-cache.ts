import type { Session, SessionRef } from '../domain/session.ts';

/** A session record as it was read, and what to call when it is no longer kept. */
export interface CachedSession {
  /** Replaced when the session's times slide. */
  session: Session;
  /** Unix milliseconds. */
  readonly readAt: number;
  /** Ends the watch for signals on this session. The cache calls it when it drops or replaces the entry. */
  readonly release: () => void;
}

/** A map bounded in size, which forgets what was used least recently. */
export interface SessionCache {
  get(ref: SessionRef): CachedSession | undefined;
  set(ref: SessionRef, entry: CachedSession): unknown;
  delete(ref: SessionRef): unknown;
}
