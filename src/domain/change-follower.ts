import type { Clock } from '../ports/clock.ts';
import { type ChangeStep, decodeChange } from './change.ts';
import { pause } from './persist.ts';
import type { SharedLog } from './shared-log.ts';
import type { StreamTail } from './stream-tail.ts';

export const CHANGES_STREAM = 'changes';

const RETRY_MS = 1_000;

export interface ChangeFollowerOptions {
  readonly log: SharedLog;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
  readonly onStep: (step: ChangeStep) => void;
}

/** One reader of the log of changes, from its newest one on, until it is closed. */
export class ChangeFollower {
  /** Resolves once every later change will be told. Rejects where the store did not let it begin so far. */
  standing: Promise<void>;
  /** Up to where all has been told; `undefined` until that is known. */
  position: number | undefined;
  readonly #options: ChangeFollowerOptions;
  #hasFailed = false;
  #tail: StreamTail | undefined;
  #isClosed = false;

  constructor(options: ChangeFollowerOptions) {
    this.#options = options;
    this.standing = this.#begin();
    void this.#follow();
  }

  close(): void {
    this.#isClosed = true;
    this.#tail?.close();
  }

  /** A tail may end for a reason that nobody foresaw: then another one goes on where it stood. */
  async #follow(): Promise<void> {
    const { clock, onError } = this.#options;
    for (;;) {
      try {
        await this.standing;
        await this.#read();
      } catch (error) {
        this.#hasFailed = true;
        onError(error);
      }
      if (this.#isClosed) return;
      await pause(clock, RETRY_MS);
      if (this.#isClosed) return;
      this.standing = this.#begin();
    }
  }

  async #begin(): Promise<void> {
    const { log, onStep } = this.#options;
    const last = await log.lastSequence(CHANGES_STREAM);
    // Where nothing could be read yet, changes may have passed; a log that has fewer is another one.
    const isLate = this.position === undefined && this.#hasFailed;
    const isOther = this.position !== undefined && last < this.position;
    const position = this.position === undefined || isOther ? last : this.position;
    this.#tail = await log.follow(CHANGES_STREAM, { sequence: position });
    this.position = position;
    if (this.#isClosed) this.#tail.close();
    else if (isOther) onStep({ kind: 'missed', sequence: position, isSetBack: true });
    else if (isLate) onStep({ kind: 'missed', sequence: position });
  }

  async #read(): Promise<void> {
    const tail = this.#tail as StreamTail;
    for (let step = await tail.next(); step !== undefined; step = await tail.next()) {
      if (step.kind === 'gap') {
        this.position = step.to;
        this.#options.onStep({ kind: 'missed', sequence: step.to });
      } else if (step.kind === 'set_back') {
        this.position = step.sequence;
        this.#options.onStep({ kind: 'missed', sequence: step.sequence, isSetBack: true });
      } else {
        this.position = step.sequence;
        const change = step.kind === 'message' ? decodeChange(step.message.message) : undefined;
        if (change !== undefined) this.#options.onStep({ kind: 'change', sequence: step.sequence, change });
      }
    }
  }
}
