import {
  DurableMcpError,
  type ErrorCode,
  LimitExceeded,
  OutcomeUnknown,
  SessionNotFound,
  StoreUnavailable,
  StreamEnded,
} from './errors.ts';
import type { OnceClaim, OnceOutcome, OnceStream } from './once-stream.ts';
import { persist } from './persist.ts';
import type { StreamsOptions } from './stream-handle.ts';

/** What the operation itself decided, knowing all there was to know: to ask again would change nothing. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'invalid_argument',
  'limit_exceeded',
  'session_not_found',
  'version_conflict',
]);

const UNKNOWN: OnceOutcome = { kind: 'unknown' };
/** How often a claim is renewed in the time for which it is kept. */
const RENEWALS = 3;
/** A timer cannot be set much further ahead. */
const A_DAY_MS = 24 * 60 * 60 * 1_000;
/** How often an end is tried that the store refuses for another reason than an outage: over 5 seconds. */
const END_ATTEMPTS = 8;

export interface OnceRunOptions {
  readonly options: StreamsOptions;
  readonly stream: OnceStream;
  readonly claim: OnceClaim;
  /** For how long a claim is kept that is not renewed. */
  readonly retentionMs: number;
  /** When the session is gone. Unix milliseconds. */
  readonly endsAt: number;
}

/**
 * One call as the one that runs, if it comes first. From the claim on it outlasts outages of the store: a claim of
 * which its own instance does not know would be waited for in vain as long as that lives.
 */
export class OnceRun {
  readonly #options: StreamsOptions;
  readonly #stream: OnceStream;
  readonly #claim: OnceClaim;
  readonly #retentionMs: number;
  readonly #endsAt: number;

  constructor({ options, stream, claim, retentionMs, endsAt }: OnceRunOptions) {
    this.#options = options;
    this.#stream = stream;
    this.#claim = claim;
    this.#retentionMs = retentionMs;
    this.#endsAt = endsAt;
  }

  /** Whether this call is to run: of all that claim one is. @throws SessionNotFound */
  async claim(): Promise<boolean> {
    try {
      if (await this.#persist(() => this.#stream.claim(this.#claim))) return true;
      // The first record may be an attempt of this very call, of which it was not told.
      const standing = await this.#persist(() => this.#stream.standing());
      return standing.kind === 'running' && standing.caller === this.#claim.caller;
    } catch (error) {
      if (error instanceof StreamEnded) return false;
      throw error;
    }
  }

  /**
   * Runs `operation`, and stores what came of it before anybody is told.
   * @returns an unknown outcome where another instance declared this one dead: what was done here is not the outcome
   * @throws what `operation` threw, or OutcomeUnknown in place of a `StoreUnavailable` that cannot be tried again;
   *   SessionNotFound
   */
  async perform(operation: () => Promise<unknown>, isRepeatable: boolean): Promise<OnceOutcome> {
    const stopRenewing = this.#renewRegularly();
    try {
      return await this.#conclude(operation, isRepeatable);
    } finally {
      stopRenewing();
    }
  }

  async #conclude(operation: () => Promise<unknown>, isRepeatable: boolean): Promise<OnceOutcome> {
    let outcome: OnceOutcome;
    let refused: { readonly error: unknown } | undefined;
    try {
      outcome = { kind: 'result', value: readBack(await operation()) };
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) return this.#fail(error, isRepeatable);
      outcome = refusal;
      refused = { error };
    }
    try {
      if (!(await this.#end(outcome))) return UNKNOWN;
    } catch (error) {
      // Neither an outage nor another's end: the outcome cannot be kept.
      return this.#fail(error, isRepeatable);
    }
    if (refused !== undefined) throw refused.error;
    return outcome;
  }

  async #fail(error: unknown, isRepeatable: boolean): Promise<never> {
    await this.#endAsUnknown();
    if (isRepeatable || !(error instanceof StoreUnavailable)) throw error;
    // It says to try again, but each further try would find that the outcome is unknown.
    this.#options.onError(error);
    throw new OutcomeUnknown({ cause: error });
  }

  /** Without an end others would wait as long as this instance lives, so it is not given up lightly. */
  async #endAsUnknown(): Promise<void> {
    const { clock, onError } = this.#options;
    let attempts = 0;
    const attempt = (): Promise<boolean> => {
      attempts += 1;
      return this.#end(UNKNOWN);
    };
    // An outage is outlasted by each attempt.
    const isPassing = (error: unknown): boolean =>
      !(error instanceof SessionNotFound || error instanceof StoreUnavailable);
    const isOver = (): boolean => attempts >= END_ATTEMPTS;
    await persist(attempt, { clock, onError, isPassing, isOver }).catch((error: unknown) => {
      // Of what went with its session nothing is left to be known.
      if (!(error instanceof SessionNotFound)) onError(error);
    });
  }

  /** @returns false if the run was ended by another instance */
  async #end(outcome: OnceOutcome): Promise<boolean> {
    try {
      await this.#persist(() => this.#stream.end(outcome, this.#claim));
      return true;
    } catch (error) {
      if (!(error instanceof StreamEnded)) throw error;
      // Also by an attempt before, of which this instance was not told.
      const standing = await this.#persist(() => this.#stream.standing());
      return standing.kind === 'ended' && standing.caller === this.#claim.caller;
    }
  }

  /** A run that takes longer than its claim is kept must not be taken for one that nobody runs. */
  #renewRegularly(): () => void {
    const { clock, onError } = this.#options;
    let isOver = false;
    let cancel = (): void => {};
    const stop = (): void => {
      isOver = true;
      cancel();
    };
    const schedule = (): void => {
      cancel = clock.schedule(Math.min(this.#retentionMs / RENEWALS, A_DAY_MS), () => {
        schedule();
        persist(() => this.#stream.renew(this.#claim), { clock, onError, isOver: () => isOver }).catch(
          (error: unknown) => {
            // What ended it is found out, and told, when the outcome is to be stored.
            if (error instanceof StreamEnded || error instanceof SessionNotFound) stop();
            else if (!isOver) onError(error);
          },
        );
      });
    };
    schedule();
    return stop;
  }

  #persist<T>(operation: () => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    return persist(operation, { ...this.#options, isOver: () => clock.now() >= this.#endsAt });
  }
}

/** As every repeat will have it. */
function readBack(value: unknown): unknown {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? undefined : JSON.parse(text);
}

function refusalOf(error: unknown): OnceOutcome | undefined {
  if (!(error instanceof DurableMcpError && REFUSALS.has(error.code))) return undefined;
  // What it is about may be long gone when a repeat is told.
  if (error instanceof LimitExceeded && error.isPassing) return undefined;
  return { kind: 'refusal', code: error.code, message: error.message };
}
