import type { Liveness } from '../../../domain/liveness.ts';
import type { SessionRef } from '../../../domain/session.ts';
import type { SessionHandle } from '../../../domain/stream-handle.ts';
import { INBOUND_STREAM } from '../../../domain/stream-name.ts';
import type { StreamTail } from '../../../domain/stream-tail.ts';
import type { Streams } from '../../../domain/streams.ts';

/** How far back what was posted is looked at: a cancellation may be there before its call became a stream. */
const LOOK_BACK = 200;
/** How much the clocks of two instances may differ for such a cancellation to be heeded. */
const CLOCK_SKEW_MS = 250;

export interface EngagementOptions {
  readonly streams: Streams;
  readonly liveness: Liveness;
  readonly handle: SessionHandle;
  /** Asks the store, past any cache. */
  readonly isGone: (ref: SessionRef) => Promise<boolean>;
  /** Told of what the client posted to other instances, with the time (Unix ms) until which that may have been. */
  readonly onPosted: (message: unknown, at: number) => void;
  /** Told that the session may be gone. */
  readonly onSession: () => void;
}

/**
 * While something waits here for a session's client, such as a call that became a stream: other instances see
 * that this one is alive, and it hears what the client posts to them.
 */
export class Engagement {
  readonly #options: EngagementOptions;
  #holders = 0;
  #running: Promise<() => void> | undefined;

  constructor(options: EngagementOptions) {
    this.#options = options;
  }

  get isHeld(): boolean {
    return this.#holders > 0;
  }

  /** Resolves when it is begun; it ends with the last of the returned calls. @throws StoreUnavailable, SessionNotFound */
  async hold(): Promise<() => void> {
    this.#holders += 1;
    this.#running ??= this.#begin();
    const running = this.#running;
    try {
      await running;
    } catch (error) {
      if (this.#running === running) this.#running = undefined;
      this.#holders -= 1;
      throw error;
    }
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#holders -= 1;
      if (this.#holders > 0) return;
      void this.#running?.then((end) => end()).catch(() => {});
      this.#running = undefined;
    };
  }

  async #begin(): Promise<() => void> {
    const { streams, liveness, handle, onSession } = this.#options;
    const inbound = { ...handle, stream: INBOUND_STREAM };
    const rest = await liveness.hold();
    try {
      const last = await streams.lastSequence(inbound);
      const tail = streams.follow(inbound, { sequence: Math.max(0, last - LOOK_BACK) });
      const unwatch = streams.options.signals.watch({ ref: handle.session.ref }, onSession);
      void this.#receive(tail).catch(streams.options.onError);
      return () => {
        unwatch();
        tail.close();
        rest();
      };
    } catch (error) {
      rest();
      throw error;
    }
  }

  async #receive(tail: StreamTail): Promise<void> {
    const { onPosted, onSession, streams } = this.#options;
    for (let step = await tail.next(); step !== undefined; step = await tail.next()) {
      if (step.kind === 'message') {
        onPosted(JSON.parse(step.message.message), step.message.at + CLOCK_SKEW_MS);
      } else if (step.kind === 'gap') {
        streams.options.onError(
          new Error('answers of a client were trimmed from the log before they were read'),
        );
      } else if (step.kind === 'set_back') {
        streams.options.onError(
          new Error('the store was set back: answers of a client may have been lost before they were read'),
        );
      }
    }
    if (tail.outcome === 'session_gone') onSession();
  }
}
