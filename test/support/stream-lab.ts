import { memoryStore, type SharedMemory, sharedMemory } from '../../src/adapters/memory/store.ts';
import type { Session } from '../../src/domain/session.ts';
import { newSessionId, sessionRef } from '../../src/domain/session.ts';
import type { StreamHandle } from '../../src/domain/stream-handle.ts';
import { newCallStream, newInstanceId } from '../../src/domain/stream-name.ts';
import type { StreamMessage } from '../../src/domain/stream-record.ts';
import type { StreamTail, TailStep } from '../../src/domain/stream-tail.ts';
import { Streams } from '../../src/domain/streams.ts';
import type { Store } from '../../src/ports/store.ts';
import { HOUR, NOW, newSession } from '../contract/fixtures.ts';
import { FakeClock } from './fake-clock.ts';

/** One instance's streams, and its own way to the shared memory, to be broken by a test. */
export interface LabInstance {
  readonly streams: Streams;
  readonly store: Store;
  readonly errors: unknown[];
}

/** One session in memory, as several instances append to its streams and follow them. */
export interface StreamLab {
  readonly clock: FakeClock;
  readonly shared: SharedMemory;
  readonly session: Session;
  /** A call's stream. */
  readonly call: StreamHandle;
  stream(name: string): StreamHandle;
  /** Lets what is ready run, then time pass. */
  pass(ms?: number): Promise<void>;
  /** @param options.deaf hears no signals of others */
  instance(options?: { readonly keep?: number; readonly deaf?: boolean }): LabInstance;
}

export async function streamLab(): Promise<StreamLab> {
  const clock = new FakeClock(NOW);
  const shared = sharedMemory();
  const id = newSessionId();
  const session = newSession({ ref: sessionRef(id), expiresAt: NOW + 24 * HOUR });
  await memoryStore(shared).sessions.create(session);
  const stream = (name: string): StreamHandle => ({ session, id, stream: name });
  return {
    clock,
    shared,
    session,
    call: stream(newCallStream(newInstanceId())),
    stream,
    pass: async (ms = 0) => {
      // What is ready may be about to schedule something.
      await clock.advance(0);
      await clock.advance(ms);
    },
    instance: ({ keep = 1_000, deaf = false } = {}) => {
      const store = memoryStore(shared);
      const errors: unknown[] = [];
      const streams = new Streams({
        events: store.events,
        signals: deaf
          ? { tellsOfSessions: false, publish: async () => {}, watch: () => () => {} }
          : store.signals,
        clock,
        keep,
        retentionMs: HOUR,
        onError: (error) => errors.push(error),
      });
      return { streams, store, errors };
    },
  };
}

/** Takes what is behind `sequence` out of a stream, past the adapter: its store was restored to an earlier time. */
export function setBack(
  { shared }: Pick<StreamLab, 'shared'>,
  { session, stream }: { readonly session: Pick<Session, 'ref'>; readonly stream: string },
  sequence: number,
): void {
  const streams = shared.data.sessions.get(session.ref)?.streams;
  streams?.set(stream, streams.get(stream)?.filter((event) => event.sequence <= sequence) ?? []);
}

/** A message that only its text tells from others. */
export function said(text: string | number, more: Partial<StreamMessage> = {}): StreamMessage {
  return { kind: 'message', message: JSON.stringify(text), at: NOW, ...more };
}

/** Reads a tail to its end, and keeps what it was given. */
export class TailReader {
  readonly tail: StreamTail;
  readonly steps: TailStep[] = [];
  readonly done: Promise<void>;

  constructor(tail: StreamTail) {
    this.tail = tail;
    this.done = this.#read();
  }

  /** What was said, and the kind of each step that is no message. */
  get heard(): unknown[] {
    return this.steps.map(textOf);
  }

  async #read(): Promise<void> {
    for (let step = await this.tail.next(); step !== undefined; step = await this.tail.next()) {
      this.steps.push(step);
    }
  }
}

export function textOf(step: TailStep | undefined): unknown {
  return step?.kind === 'message' ? JSON.parse(step.message.message) : step?.kind;
}

/** A promise that a test keeps waiting. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}
