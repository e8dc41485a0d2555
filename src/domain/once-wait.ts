import { SessionNotFound, StreamEnded } from './errors.ts';
import type { Liveness } from './liveness.ts';
import { endOf, type OnceOutcome, type OnceRunning, type OnceStream } from './once-stream.ts';
import type { RunningCalls } from './running-calls.ts';

export interface OnceWaitOptions {
  readonly stream: OnceStream;
  readonly liveness: Liveness;
  /** What this instance runs itself. */
  readonly running: RunningCalls;
  /** Ends the waiting. */
  readonly signal: AbortSignal | undefined;
  readonly onError: (error: unknown) => void;
}

/**
 * Waits for the outcome of a run. Where its owner shows no life the run is ended with an unknown one: an owner that
 * lives after all can then store no other. So it is where the owner is this very instance, and does not run it.
 *
 * @returns `undefined` where the run, or the signal, is to be looked at anew
 * @throws StoreUnavailable
 */
export async function waitForOutcome(
  { by, caller = '', input, upTo }: OnceRunning,
  { stream, liveness, running, signal, onError }: OnceWaitOptions,
): Promise<OnceOutcome | undefined> {
  if (by === undefined || (by === liveness.instance && !running.has(caller))) {
    await declareUnknown(stream, input);
    return undefined;
  }
  const tail = stream.follow(upTo);
  const stop = (): void => tail.close();
  const stopObserving = liveness.observe(by, () => {
    // Where the store fails, the owner is found dead again a few looks later.
    declareUnknown(stream, input).then(stop, onError);
  });
  // It may be over without an end, where the store would not keep one.
  const stopListening = running.whenOver(caller, () => tail.stop());
  signal?.addEventListener('abort', stop);
  if (signal?.aborted === true) stop();
  try {
    for (let step = await tail.next(); step !== undefined; step = await tail.next()) {
      if (step.kind === 'message' && step.end) return endOf(step.message).outcome;
    }
    return undefined;
  } finally {
    signal?.removeEventListener('abort', stop);
    stopListening();
    stopObserving();
    tail.close();
  }
}

async function declareUnknown(stream: OnceStream, input: string | undefined): Promise<void> {
  try {
    await stream.end({ kind: 'unknown' }, { input });
  } catch (error) {
    // It has come to an end by itself, or by another's hand.
    if (!(error instanceof StreamEnded || error instanceof SessionNotFound)) throw error;
  }
}
