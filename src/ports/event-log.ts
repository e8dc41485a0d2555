import type { EventGap, LoggedEvent } from '../domain/event.ts';
import type { LiveSession } from '../domain/session.ts';

export interface EventAppend {
  /** 1 to 128 characters of `A-Z a-z 0-9 _ -`; unique within the session. */
  readonly stream: string;
  /** At least one JSON text each; together they become visible in order, never one half of a text. */
  readonly data: readonly string[];
  /** The last of `data` ends the stream. */
  readonly end?: boolean | undefined;
  /**
   * Unix milliseconds from which on the events are gone; at most the session's `endsAt`, and not earlier than
   * that of the stream's events before.
   */
  readonly expiresAt: number;
  /** How many of the stream's newest events to keep. A store may keep some more, never fewer. */
  readonly keep: number;
}

export interface EventQuery {
  readonly stream: string;
  /** The last sequence that the reader has; 0 for none. */
  readonly after: number;
  /** At least 1. */
  readonly limit: number;
}

export interface EventPage {
  /** In order and without holes. */
  readonly events: readonly LoggedEvent[];
  /**
   * Set if events after `query.after` are no longer kept; `events` then begin right after it. A reader is
   * never given a later event without being told of the earlier ones that it missed.
   */
  readonly gap: EventGap | undefined;
}

/**
 * The messages of a session's streams.
 *
 * Laws:
 * - Sequences are dense per stream, from 1, and become visible in order: a reader that has seen n can never
 *   later find that n-1 appeared. Concurrent appenders to one stream wait for or retry after each other.
 * - An event is gone from its `expiresAt` on, and with its session. A stream whose events are *all* gone may
 *   begin at 1 again, so a stream that lives as long as its session must be given the session's `endsAt`.
 * - Nothing follows an event that ended its stream. That is also how a stream's owner is fenced: whoever
 *   declares it dead appends the end, and of two ends exactly one is appended.
 * - `session` and `now` are as for `SessionRepository`; every method throws `SessionNotFound` on a session
 *   that is gone, and `StoreUnavailable` where the store is.
 */
export interface EventLog {
  /**
   * @returns the sequence of the last of `data`
   * @throws StreamEnded, SessionNotFound
   */
  append(session: LiveSession, append: EventAppend, now: number): Promise<number>;

  /** One page of events. @throws SessionNotFound */
  read(session: LiveSession, query: EventQuery, now: number): Promise<EventPage>;

  /** The newest event's sequence, 0 where there is none. @throws SessionNotFound */
  lastSequence(session: LiveSession, stream: string, now: number): Promise<number>;
}
