import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/event-log.ts';
import type { Signals } from '../ports/signals.ts';
import type { LiveSession } from './session.ts';

/** Whose stream: the session as last read, and the id that only the caller knows. */
export interface SessionHandle {
  readonly session: LiveSession;
  /** The raw session id. */
  readonly id: string;
}

export interface StreamHandle extends SessionHandle {
  readonly stream: string;
  /**
   * For how long what is appended is kept, in milliseconds. By default, that of a call as long as
   * {@link StreamsOptions.retentionMs} says, and all else with its session.
   */
  readonly retentionMs?: number | undefined;
  /** True where readers wait for the end alone: nobody is signalled what comes before it. */
  readonly isAwaitedAtEnd?: boolean | undefined;
}

export interface StreamsOptions {
  readonly events: EventLog;
  readonly signals: Signals;
  readonly clock: Clock;
  /** How many of each stream's newest events are kept. */
  readonly keep: number;
  /** For how long the events of a call are kept. Milliseconds. */
  readonly retentionMs: number;
  /** Told of failures that nobody waits for. */
  readonly onError: (error: unknown) => void;
}
