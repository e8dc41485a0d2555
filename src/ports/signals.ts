import type { SessionRef } from '../domain/session.ts';

/** What a signal is about: one stream of a session, or (without `stream`) the session itself. */
export interface SignalTopic {
  readonly ref: SessionRef;
  readonly stream?: string | undefined;
}

/**
 * Called for a signal. `isInDoubt` is true where the store may have been set back, restored to an earlier time or taken
 * over by a replica that lacked what was last written: whoever has read is then to compare. That is a hint too.
 */
export type OnSignal = (isInDoubt: boolean) => void;

/**
 * Hints between instances that something has changed, so that nobody has to wait for the next look.
 *
 * Laws:
 * - A signal says *look again*, never what changed. It may be lost, doubled, late or unfounded; whoever
 *   watches must be correct without it. Losing all of them costs latency only.
 * - Of streams, that latency has a bound: whoever watches a stream is called at the latest about 30 s after an
 *   append to it, or after it vanished because its session was deleted, even if every signal was lost, as long
 *   as the store answers. Nothing is promised of a stream that was still empty when its session was deleted,
 *   nor of sessions.
 * - Watchers of a stream are called in doubt after the adapter lost its connection and made it anew, and where it finds
 *   less in the stream than before. They ask the store itself: what is less may be an old replica's answer.
 * - Publish after the write that it is about is acknowledged.
 * - The publishing instance's own watchers are called too.
 */
export interface Signals {
  /**
   * Whether a signal on a session reaches other instances, in general within milliseconds. Where it does not,
   * whoever changes a session has to wait until what others remember of it is too old.
   */
  readonly tellsOfSessions: boolean;

  /** Never rejects: a signal that could not be sent is reported to the operator, not to the writer. */
  publish(topic: SignalTopic): Promise<void>;

  /**
   * Calls `onSignal` for every signal on exactly this topic, until the returned function is called. After the
   * adapter lost its connection, every watcher is called once, since signals may have been missed.
   * `onSignal` must not throw.
   */
  watch(topic: SignalTopic, onSignal: OnSignal): () => void;
}
