import type { ChangeStep } from '../../../domain/change.ts';
import type { ChangeSubscription, Changes } from '../../../domain/changes.ts';
import { SessionNotFound, StreamEnded } from '../../../domain/errors.ts';
import { PendingChanges } from '../../../domain/pending-changes.ts';
import { pause } from '../../../domain/persist.ts';
import type { SessionHandle, StreamHandle } from '../../../domain/stream-handle.ts';
import { STANDALONE_STREAM } from '../../../domain/stream-name.ts';
import type { StreamMessage } from '../../../domain/stream-record.ts';
import { StreamWriter } from '../../../domain/stream-writer.ts';
import type { Streams } from '../../../domain/streams.ts';
import { ANNOUNCER, announcedUpTo } from './announced-up-to.ts';
import { notificationText } from './change-notifications.ts';
import { type DueChange, DueChanges, type DueChangesOptions } from './due-changes.ts';
import type { Turns } from './turns.ts';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

export interface AnnouncerOptions extends DueChangesOptions {
  readonly changes: Changes;
  readonly streams: Streams;
  readonly turns: Turns;
}

/**
 * Appends to one session's stream what changes, while a client is connected to it here. Each announcement has the
 * change's number in the log of changes, so that one which another instance has made too is shown once, and whoever
 * has the connection next goes on from the last one.
 */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #stream: StreamHandle;
  readonly #due: DueChanges;
  readonly #subscription: ChangeSubscription;
  readonly #writer: StreamWriter;
  readonly #pending = new PendingChanges();
  /** The stream has all that is due to it up to this change. */
  #announcedUpTo = 0;
  /** Changes up to this one came before the subscription and have yet to be looked at. */
  #earlierUpTo = 0;
  #hasBegun = false;
  #isTelling = false;
  #isOver = false;

  constructor(handle: SessionHandle, options: AnnouncerOptions) {
    const { changes, streams } = options;
    this.#options = options;
    this.#stream = { ...handle, stream: STANDALONE_STREAM };
    this.#due = new DueChanges(handle, options);
    const isOver = (): boolean => this.#isOver || streams.options.clock.now() >= handle.session.endsAt;
    this.#writer = new StreamWriter(streams, this.#stream, isOver);
    this.#subscription = changes.subscribe((step) => {
      // What was announced had numbers that are given anew.
      if (isSetBack(step)) this.#announcedUpTo = Math.min(this.#announcedUpTo, step.sequence);
      this.#pending.add(step);
      void this.#tell();
    });
  }

  /**
   * Resolves once no later change can be missed.
   * @returns up to which change the stream has all that is due to it: what the connection's mark is to say
   * @throws SessionNotFound, StoreUnavailable
   */
  async prepare(): Promise<number> {
    const upTo = await this.#subscription.ready;
    // Where nothing has ever changed, there is nothing to look for.
    if (upTo > 0) {
      this.#announcedUpTo = (await announcedUpTo(this.#options.streams, this.#stream)) ?? upTo;
      this.#earlierUpTo = upTo;
    }
    return this.#announcedUpTo;
  }

  /** To be called when the connection's mark is in the stream: what is before it may be another's. */
  begin(): void {
    this.#hasBegun = true;
    void this.#tell();
  }

  /** What it has not appended is left to whoever has the next connection. */
  end(): void {
    this.#isOver = true;
    this.#subscription.end();
    this.#writer.close(new StreamEnded());
  }

  get #hasWork(): boolean {
    return !this.#isOver && (this.#announcedUpTo < this.#earlierUpTo || !this.#pending.isEmpty);
  }

  async #tell(): Promise<void> {
    if (!this.#hasBegun || this.#isTelling) return;
    const { turns, streams } = this.#options;
    this.#isTelling = true;
    let retryMs = FIRST_RETRY_MS;
    while (this.#hasWork) {
      try {
        await turns.take(() => this.#tellPending());
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        if (error instanceof SessionNotFound) this.end();
        if (this.#isOver) return;
        streams.options.onError(error);
        await pause(streams.options.clock, retryMs);
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      }
    }
    this.#isTelling = false;
  }

  async #tellPending(): Promise<void> {
    if (this.#isOver) return;
    await this.#lookAtEarlier();
    // Another instance may have been ahead of this one.
    const steps = this.#pending
      .take()
      .filter((step) => step.sequence > this.#announcedUpTo || isSetBack(step));
    try {
      const due = await this.#due.of(steps);
      if (due.length > 0) await this.#writer.write(due.map((each) => this.#message(each)));
    } catch (error) {
      this.#pending.prepend(steps);
      throw error;
    }
  }

  async #lookAtEarlier(): Promise<void> {
    const upTo = this.#earlierUpTo;
    if (this.#announcedUpTo < upTo) {
      this.#pending.prepend(await this.#options.changes.between(this.#announcedUpTo, upTo));
    }
    this.#earlierUpTo = 0;
  }

  #message({ change, number }: DueChange): StreamMessage {
    return {
      kind: 'message',
      message: notificationText(change),
      ...(number === undefined ? {} : { writer: ANNOUNCER, number }),
      at: this.#options.streams.options.clock.now(),
    };
  }
}

function isSetBack(step: ChangeStep): boolean {
  return step.kind === 'missed' && step.isSetBack === true;
}
