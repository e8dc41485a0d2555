import type { Outcome } from './history.ts';
import type { ReadEvent } from './stream-events.ts';

/**
 * How the reading of a stream came to its end: with the answer; told that there is nothing more; refused when it was
 * resumed; broken off, or ended by the service, without an id to resume with; or still without an end when the run
 * had to be over.
 */
export type ReadingEnd =
  | 'answered'
  | 'finished'
  | 'refused'
  | 'not resumable'
  | 'ended without an id'
  | 'open';

/** All that came of one stream, over as many connections as that took. */
export interface Reading {
  /** Announcements of gaps among them. */
  readonly events: readonly ReadEvent[];
  readonly resumptions: number;
  readonly end: ReadingEnd;
  /** The status and body of a refusal. */
  readonly refusal?: string | undefined;
}

/** A call whose answer is a stream. */
export interface StreamCall {
  readonly kind: 'count' | 'cancel' | 'elicit';
  readonly session: string;
  /** Also the JSON-RPC id; in all that belongs to the call, and in nothing else. */
  readonly label: string;
  /** The last number to be said, if the call is not cancelled. */
  readonly to: number;
  readonly reading: Reading;
  /** The same stream read from its first event, after its end; some at once, some when all is over. */
  readonly replays: Reading[];
  /** What came behind its last event when all was over; of calls that another instance than theirs ended. */
  epilogue?: Reading;
}

/** A message to the session's own stream. */
export interface Announcement {
  readonly session: string;
  readonly text: string;
  readonly invokedAt: number;
  /** Infinite where the outcome is unknown. */
  readonly endedAt: number;
  readonly outcome: Outcome;
}

/** What came over a session's own stream. */
export interface Listening {
  readonly session: string;
  readonly reading: Reading;
  /** The same stream read from its first event when nothing happens any more. */
  readonly replay: Reading;
}

/** A call by the official client, which resumes by itself and shows no event ids. */
export interface OfficialCall {
  readonly label: string;
  readonly to: number;
  /** What log messages said, in the order in which they came. */
  readonly said: readonly unknown[];
  /** `undefined` where the client had no answer. */
  readonly counted: number | undefined;
}

/** How the answer to an elicitation begins; the rest is the label of the call that asked. */
export const ANSWER_PREFIX = 'answer to ';
