import type { SessionRef } from '../domain/session.ts';

/** What a signal is about: one stream of a session, or (without `stream`) the session itself. */
export interface SignalTopic {
  readonly ref: SessionRef;
  readonly stream?: string | undefined;
}

/**
 * Hints between instances that something has changed, so that nobody has to wait for the next look.
 *
 * Laws:
 * - A signal says *look again*, never what changed. It may be lost, doubled, late or unfounded; whoever
 *   watches must be correct without it. Losing all of them costs latency only.
 * - Publish after the write that it is about is acknowledged.
 * - The publishing instance's own watchers are called too.
 */
export interface Signals {
  /** Never rejects: a signal that could not be sent is reported to the operator, not to the writer. */
  publish(topic: SignalTopic): Promise<void>;

  /**
   * Calls `onSignal` for every signal on exactly this topic, until the returned function is called. After the
   * adapter lost its connection, every watcher is called once, since signals may have been missed.
   * `onSignal` must not throw.
   */
  watch(topic: SignalTopic, onSignal: () => void): () => void;
}
