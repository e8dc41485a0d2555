import { type ErrorCode, InvalidArgument } from './errors.ts';
import type { SessionHandle, StreamHandle } from './stream-handle.ts';
import type { InstanceId } from './stream-name.ts';
import type { StreamMessage } from './stream-record.ts';
import type { StreamTail } from './stream-tail.ts';
import type { Streams } from './streams.ts';

/** Records read at once. A run has two, and one more for each call that came just too late. */
const PAGE = 64;

/** What became of a run. */
export type OnceOutcome =
  | { readonly kind: 'result'; readonly value: unknown }
  | { readonly kind: 'refusal'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'unknown' };

/** Who runs, or would have. */
export interface OnceClaim {
  readonly by: InstanceId;
  /** Tells a call from others on the same instance. */
  readonly caller: string;
  /** The digest of its arguments. */
  readonly input: string;
}

/** A run that has no outcome yet. What is `undefined` has expired with the claim: the owner is long dead. */
export interface OnceRunning extends Partial<OnceClaim> {
  readonly kind: 'running';
  /** The last sequence that this is known from. */
  readonly upTo: number;
}

interface OnceEnd {
  readonly outcome: OnceOutcome;
  /** Who ended it, unless that was another than its owner. */
  readonly caller: string | undefined;
  /** The digest of the run's arguments, where whoever ended it knew. */
  readonly input: string | undefined;
}

/** How a run stands. */
export type OnceStanding =
  | { readonly kind: 'unclaimed' }
  | OnceRunning
  | ({ readonly kind: 'ended' } & OnceEnd);

/** As records have it, in the JSON of their messages. */
interface StoredClaim {
  readonly by: InstanceId;
  readonly input: string;
  readonly renewed?: true;
}
interface StoredEnd {
  readonly input?: string | undefined;
  readonly result?: unknown;
  readonly refusal?: { readonly code: ErrorCode; readonly message: string };
  readonly unknown?: true;
}

/**
 * The stream of one run. Its first record is the claim of whoever runs; claims behind it have lost. Its end is the
 * outcome, and whoever takes the owner for dead ends it with an unknown one, after which there can be no other.
 */
export class OnceStream {
  readonly #streams: Streams;
  readonly #handle: StreamHandle;

  /** @param retentionMs for how long the outcome is kept */
  constructor(streams: Streams, handle: SessionHandle, stream: string, retentionMs: number) {
    this.#streams = streams;
    this.#handle = { ...handle, stream, retentionMs, isAwaitedAtEnd: true };
  }

  /** @throws SessionNotFound, StoreUnavailable */
  async standing(): Promise<OnceStanding> {
    let claim: OnceClaim | undefined;
    for (let upTo = 0; ; ) {
      const { records } = await this.#streams.read(this.#handle, upTo, PAGE);
      for (const { sequence, record, end } of records) {
        upTo = sequence;
        if (record.kind !== 'message') continue;
        if (end) return { kind: 'ended', ...endOf(record) };
        claim ??= claimOf(record, sequence);
      }
      if (records.length < PAGE)
        return upTo === 0 ? { kind: 'unclaimed' } : { kind: 'running', ...claim, upTo };
    }
  }

  /**
   * @returns whether the claim is the stream's first record
   * @throws StreamEnded, SessionNotFound, StoreUnavailable
   */
  async claim({ by, caller, input }: OnceClaim): Promise<boolean> {
    return (await this.#append({ by, input } satisfies StoredClaim, caller)) === 1;
  }

  /** Keeps the claim from expiring. @throws as {@link claim} */
  async renew({ by, caller, input }: OnceClaim): Promise<void> {
    await this.#append({ by, input, renewed: true } satisfies StoredClaim, caller);
  }

  /**
   * Ends the run, if it has not ended. That an outcome is unknown is kept as long as the session, so that runs that
   * were begun because of it are never taken for the first.
   *
   * @throws StreamEnded, SessionNotFound, StoreUnavailable
   */
  async end(
    outcome: OnceOutcome,
    by: { readonly caller?: string; readonly input?: string | undefined },
  ): Promise<void> {
    const retentionMs = outcome.kind === 'unknown' ? Number.POSITIVE_INFINITY : this.#handle.retentionMs;
    const end = { input: by.input, ...storedOutcome(outcome) } satisfies StoredEnd;
    await this.#append(end, by.caller, { end: true, retentionMs });
  }

  /** Follows what comes after `upTo`. */
  follow(upTo: number): StreamTail {
    return this.#streams.follow(this.#handle, { sequence: upTo });
  }

  async #append(
    stored: StoredClaim | StoredEnd,
    writer: string | undefined,
    { end = false, retentionMs = this.#handle.retentionMs } = {},
  ): Promise<number> {
    const at = this.#streams.options.clock.now();
    const record: StreamMessage = {
      kind: 'message',
      message: JSON.stringify(stored),
      writer,
      at,
      // Repeats compare it, by whichever name they know the session.
      digests: stored.input === undefined ? [] : [stored.input],
    };
    return this.#streams.append({ ...this.#handle, retentionMs }, [record], end);
  }
}

/** The record's claim, if it is the run's owner that speaks. */
function claimOf({ message, writer = '' }: StreamMessage, sequence: number): OnceClaim | undefined {
  const { by, input, renewed } = JSON.parse(message) as StoredClaim;
  return sequence === 1 || renewed === true ? { by, input, caller: writer } : undefined;
}

/**
 * What the record that ends a run says.
 * @throws InvalidArgument if its reader knows the session by another name than its writer, and so has a part of it only
 */
export function endOf({ message, writer: caller, isPartial }: StreamMessage): OnceEnd {
  if (isPartial === true) {
    throw new InvalidArgument(
      'session_id',
      'is another name of the session than this call was first made with, by which its outcome is kept: use that one',
    );
  }
  const { input, result, refusal, unknown } = JSON.parse(message) as StoredEnd;
  if (unknown === true) return { caller, input, outcome: { kind: 'unknown' } };
  if (refusal !== undefined) return { caller, input, outcome: { kind: 'refusal', ...refusal } };
  return { caller, input, outcome: { kind: 'result', value: result } };
}

function storedOutcome(outcome: OnceOutcome): StoredEnd {
  switch (outcome.kind) {
    case 'result':
      return { result: outcome.value };
    case 'refusal':
      return { refusal: { code: outcome.code, message: outcome.message } };
    case 'unknown':
      return { unknown: true };
  }
}
