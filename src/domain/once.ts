import { randomBytes } from 'node:crypto';
import { canonicalDigest } from './canonical-json.ts';
import { DurableMcpError, InvalidArgument, OutcomeUnknown } from './errors.ts';
import type { Liveness } from './liveness.ts';
import { OnceRun } from './once-run.ts';
import { type OnceClaim, type OnceOutcome, type OnceStanding, OnceStream } from './once-stream.ts';
import { waitForOutcome } from './once-wait.ts';
import { RunningCalls } from './running-calls.ts';
import type { SessionHandle } from './stream-handle.ts';
import type { Streams } from './streams.ts';
import { assertKey } from './value.ts';

/** 24 hours. */
export const DEFAULT_IDEMPOTENCY_RETENTION_MS = 24 * 60 * 60 * 1_000;
/** Shorter, and clocks of instances that differ would count. */
const SHORTEST_RETENTION_MS = 60_000;

const FIELD = 'idempotency_key';

/** One call that is to run once. */
export interface OnceCall {
  /** What runs, usually the tool's name: the same key under another scope is another call. */
  readonly scope: string;
  /**
   * The caller's idempotency key: 1 to 256 characters and at most 768 bytes, without control characters. May be a
   * secret: only a hash of it is stored.
   */
  readonly key: string;
  /**
   * The call's other arguments, JSON; the order of members does not matter. A repeat with different ones is refused.
   * Only a hash of them is stored.
   */
  readonly input?: unknown;
  /**
   * Whether it may run again where its outcome is unknown, because the instance that ran it died, or the store or
   * the operation failed. A run that is taken for lost may still go on, and others may have come in between: true only
   * where that does no harm. False by default.
   */
  readonly repeatable?: boolean | undefined;
  /** Ends the waiting for a run of another caller, who is not disturbed. A run of one's own goes on. */
  readonly signal?: AbortSignal | undefined;
}

export interface OnceOptions {
  readonly streams: Streams;
  readonly liveness: Liveness;
  /**
   * For how long an outcome is kept, in milliseconds of at least 60,000: 24 hours by default, and at most as long as
   * its session.
   */
  readonly idempotencyRetentionMs?: number | undefined;
}

interface OnceRequest {
  readonly handle: SessionHandle;
  readonly call: OnceCall;
  readonly operation: () => Promise<unknown>;
}

/**
 * Runs calls that carry an idempotency key once, however often they are made, and on whichever instance. There is one
 * for each instance: a claim of the instance whose call it does not run is taken for one that nobody runs.
 *
 * An outcome is a result, or a refusal: `VersionConflict`, `InvalidArgument`, `SessionNotFound`, or a `LimitExceeded`
 * that does not pass by itself. It is stored before the first caller has it, and all others get it equal.
 *
 * Any other failure leaves the outcome unknown: of a write that the store did not acknowledge nobody can say whether
 * it happened, nor how far an operation came that failed in a way that nobody foresaw. So it is when the instance
 * dies that runs the call. Each repeat is then told so, also once the store is back, or runs the call again where it
 * is `repeatable`.
 */
export class Once {
  readonly #streams: Streams;
  readonly #liveness: Liveness;
  readonly #retentionMs: number;
  readonly #running = new RunningCalls();

  /** @throws RangeError if the retention is shorter than a minute */
  constructor({ streams, liveness, idempotencyRetentionMs = DEFAULT_IDEMPOTENCY_RETENTION_MS }: OnceOptions) {
    if (!(idempotencyRetentionMs >= SHORTEST_RETENTION_MS)) {
      throw new RangeError(`idempotencyRetentionMs must be at least ${SHORTEST_RETENTION_MS}`);
    }
    this.#streams = streams;
    this.#liveness = liveness;
    this.#retentionMs = idempotencyRetentionMs;
  }

  /**
   * Runs `operation`, or gives what came of it when it was run under the same scope and key of the session. While
   * that goes on, it is waited for. A key whose outcome is no longer kept is refused for as long as the store still
   * has a trace of it; then it is a new one.
   *
   * `operation` must not make the same call, under its own scope and key: that waits for what waits for it, until its
   * `signal` or the session ends.
   *
   * The result is given as it is read back from JSON, to the first caller too. A refusal is thrown again to repeats
   * as a `DurableMcpError` of the same code and message. What is neither is thrown to the first caller as it is, but
   * for `StoreUnavailable` of a call that is not repeatable: to try that again would be in vain.
   *
   * Costs a read, a beat where this instance does not beat already, and two appends, of which the end is signalled:
   * on Postgres a NOTIFY, and those are committed one at a time. A repeat costs one read, in pages of 64 records; that
   * of a `repeatable` call one more for each run before that left its outcome unknown, one after the other.
   *
   * Nothing limits how many keys a session uses but how long they are kept: outcomes for their retention, unknown ones
   * as long as the session.
   *
   * @throws InvalidArgument naming `idempotency_key`: it breaks a rule, was used with other arguments, or its outcome
   *   is no longer kept; naming `arguments`, where those are nested too deeply; or naming `session_id`, where the outcome
   *   can be read only by the name of the session that the first call had
   * @throws OutcomeUnknown
   * @throws StoreUnavailable, SessionNotFound; the reason of `call.signal`
   */
  async run<T>(handle: SessionHandle, call: OnceCall, operation: () => Promise<T>): Promise<T> {
    assertKey(call.key, FIELD);
    // With the reference and not the id: the same session may be named by either.
    const { ref } = handle.session;
    const run = canonicalDigest(['run', call.scope, call.key], ref);
    const claim: OnceClaim = {
      by: this.#liveness.instance,
      caller: randomBytes(12).toString('base64url'),
      input: canonicalDigest(['input', call.input], ref),
    };
    for (let generation = 0; ; generation += 1) {
      const name = `once-${run}-${generation}`;
      const stream = new OnceStream(this.#streams, handle, name, this.#retentionMs);
      const outcome = await this.#outcome(stream, claim, { handle, call, operation });
      if (outcome.kind === 'result') return outcome.value as T;
      if (outcome.kind === 'refusal') throw new DurableMcpError(outcome.code, outcome.message);
      if (call.repeatable !== true) throw new OutcomeUnknown();
    }
  }

  /**
   * Resolves when this instance runs no operation, nor is about to. Their callers may be gone: whoever stops the
   * instance waits for this too. A run of another instance is not waited for.
   */
  idle(): Promise<void> {
    return this.#running.idle();
  }

  /** What comes of one generation of the run, whoever runs it. */
  async #outcome(
    stream: OnceStream,
    claim: OnceClaim,
    { handle, call, operation }: OnceRequest,
  ): Promise<OnceOutcome> {
    for (let isTaken = false; ; isTaken = true) {
      call.signal?.throwIfAborted();
      // From before the look: it may be this call that runs.
      const over = this.#running.begin(claim.caller);
      let standing: OnceStanding;
      try {
        standing = await stream.standing();
        if (standing.kind === 'unclaimed') {
          // Another came before, of whom nothing is to be seen any more.
          if (isTaken) {
            throw new InvalidArgument(
              FIELD,
              'was used before, and what came of that is no longer kept: use a new one',
            );
          }
          const outcome = await this.#tryToRun(stream, claim, { handle, call, operation });
          if (outcome !== undefined) return outcome;
          continue;
        }
      } finally {
        over();
      }
      assertSameInput(claim, standing.input);
      if (standing.kind === 'ended') return standing.outcome;
      const outcome = await waitForOutcome(standing, {
        stream,
        liveness: this.#liveness,
        running: this.#running,
        signal: call.signal,
        onError: this.#streams.options.onError,
      });
      if (outcome !== undefined) return outcome;
    }
  }

  /** @returns `undefined` if another came first */
  async #tryToRun(
    stream: OnceStream,
    claim: OnceClaim,
    { handle, call, operation }: OnceRequest,
  ): Promise<OnceOutcome | undefined> {
    // Before it is named: a claim of an instance that does not beat is a dead one's.
    const release = await this.#liveness.hold();
    try {
      const run = new OnceRun({
        options: this.#streams.options,
        stream,
        claim,
        retentionMs: this.#retentionMs,
        endsAt: handle.session.endsAt,
      });
      return (await run.claim()) ? await run.perform(operation, call.repeatable === true) : undefined;
    } finally {
      release();
    }
  }
}

/** @param input the digest that the run was begun with, where it is known */
function assertSameInput(claim: OnceClaim, input: string | undefined): void {
  if (input === undefined || input === claim.input) return;
  throw new InvalidArgument(FIELD, 'was used before with other arguments: repeat those, or use a new one');
}
