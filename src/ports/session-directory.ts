import type { Principal } from '../domain/principal.ts';
import type { Session, SessionRef } from '../domain/session.ts';

/** A place in a principal's list. A session is its own. */
export interface SessionPosition {
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly ref: SessionRef;
}

export interface SessionDirectoryQuery {
  /** Only sessions behind this place, be there a session at it or not. */
  readonly after?: SessionPosition | undefined;
  /** At least 1. */
  readonly limit: number;
}

export interface SessionDirectoryPage {
  /** By `createdAt`, those of one millisecond by the bytes of `ref`. */
  readonly sessions: readonly Session[];
  /** True if more sessions follow the last one. Never true with an empty page. */
  readonly more: boolean;
}

/**
 * Which sessions a principal has.
 *
 * Laws:
 * - Only sessions of exactly that issuer and exactly that subject are listed: "a" and "bc" is another principal
 *   than "ab" and "c". Sessions without a principal are in nobody's list.
 * - A session is listed from when its `create` was acknowledged until it is gone, and never from its `expiresAt`
 *   or its deletion on, however late the store removes it.
 * - Who asks for page after page, each behind the last session of the one before, is given every session that
 *   lives throughout exactly once, whatever the limits, and whatever is created, used or deleted in between.
 * - A count is as a list of all would be long: it has every session whose `create` was acknowledged before, and none
 *   that is gone.
 */
export interface SessionDirectory {
  /**
   * One page of the principal's live sessions, the oldest first, as `SessionRepository.find` shows them.
   * @param now the caller's time in Unix milliseconds
   * @throws StoreUnavailable, StoreNotSetUp
   */
  list(principal: Principal, query: SessionDirectoryQuery, now: number): Promise<SessionDirectoryPage>;

  /**
   * How many live sessions the principal has; `most`, where there are as many or more. Where there are not, a store
   * may count too many of fewer than `most`: sessions that are gone and not removed yet.
   * @param most at least 1: no more than that are looked at
   * @param now as for {@link list}
   * @throws StoreUnavailable, StoreNotSetUp
   */
  count(principal: Principal, most: number, now: number): Promise<number>;
}
