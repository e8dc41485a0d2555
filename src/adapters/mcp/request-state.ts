import { randomBytes } from 'node:crypto';
import { canonicalDigest } from '../../domain/canonical-json.ts';
import { LimitExceeded } from '../../domain/errors.ts';
import { encodeValue } from '../../domain/json.ts';
import type { Principal } from '../../domain/principal.ts';
import type { SingleUse } from '../../domain/single-use.ts';
import type { Clock } from '../../ports/clock.ts';
import { Seal } from './seal.ts';

/** Ten minutes. */
export const DEFAULT_REQUEST_STATE_TTL_MS = 600_000;
/** Largest state, in bytes as the client has it: it comes back with each retry. */
export const REQUEST_STATE_BYTES = 64 * 1024;
/** How much the clocks of two instances may differ: for one a state may be good that has expired for the other. */
const CLOCK_SKEW_MS = 600_000;

/** Why a state is refused, as the message of the error has it. */
export type RequestStateProblem =
  /** It was not sealed here, under none of the keys, or not as it is now. */
  | 'unreadable'
  | 'expired'
  /** It was made for another principal or another request. */
  | 'foreign'
  | 'already used';

export class RequestStateRefused extends Error {
  override readonly name = 'RequestStateRefused';
  readonly problem: RequestStateProblem;

  constructor(problem: RequestStateProblem) {
    super(problem);
    this.problem = problem;
  }
}

/** Whom and what a state is for. */
export interface RequestStateBinding {
  readonly principal: Principal | undefined;
  /** Any text that is the same for a request and its retry, and for no other: see {@link requestBinding}. */
  readonly request: string;
}

/** The `requestState` of multi round-trip requests (2026-07-28), for one caller's one request. */
export interface RequestState {
  /**
   * Seals `payload`, any JSON value, for the client to send back with its retry. The client can neither read nor
   * change it.
   *
   * @param options.singleUse it can be verified once, on one instance. False by default: then a client whose
   *   connection broke can retry.
   * @param options.ttlMs for how long it is valid, in milliseconds
   * @throws InvalidArgument if `payload` is no JSON; LimitExceeded if it is too large; RangeError for `ttlMs`
   */
  mint(
    payload: unknown,
    options?: { readonly singleUse?: boolean | undefined; readonly ttlMs?: number | undefined },
  ): Promise<string>;
  /**
   * The payload of a state that came from a client. As `ServerOptions.requestState.verify` of the SDK it can be
   * passed on its own.
   *
   * @throws RequestStateRefused; StoreUnavailable if it is for a single use, which may then be lost. Neither message
   *   holds anything of the payload.
   */
  verify(state: string): Promise<unknown>;
}

export interface RequestStatesOptions {
  /**
   * Secrets of at least 32 bytes of UTF-8, the same on all instances. The first one seals, all of them open. To
   * rotate: add the new one behind, then put it first, and drop the old one when the last state under it has expired.
   */
  readonly keys: readonly string[];
  /** For how long a state is valid, in milliseconds; {@link DEFAULT_REQUEST_STATE_TTL_MS} by default. */
  readonly ttlMs?: number | undefined;
  readonly clock: Clock;
  readonly singleUse: SingleUse;
}

/** What is sealed. */
interface Sealed {
  readonly payload: unknown;
  /** A digest of the binding. */
  readonly for: string;
  /** Unix milliseconds from which on it is refused. */
  readonly exp: number;
  /** What is used up with it, where it is for a single use. */
  readonly once?: string | undefined;
}

/**
 * Seals states for clients to keep, and opens them again: in each is whom and what it is for, and until when, so that
 * it is of use for nothing else.
 */
export class RequestStates {
  readonly #seal: Seal;
  readonly #ttlMs: number;
  readonly #clock: Clock;
  readonly #singleUse: SingleUse;

  /** @throws RangeError if there is no key, one is too short, or `ttlMs` is not a number of milliseconds above 0 */
  constructor({ keys, ttlMs = DEFAULT_REQUEST_STATE_TTL_MS, clock, singleUse }: RequestStatesOptions) {
    this.#seal = new Seal(keys, 'request state');
    this.#ttlMs = assertTtl(ttlMs);
    this.#clock = clock;
    this.#singleUse = singleUse;
  }

  for({ principal, request }: RequestStateBinding): RequestState {
    const binding = canonicalDigest([principal?.issuer, principal?.subject, request]);
    return {
      mint: (payload, options = {}) => this.#mint(binding, payload, options),
      verify: (state) => this.#verify(binding, state),
    };
  }

  async #mint(
    binding: string,
    payload: unknown,
    { singleUse = false, ttlMs = this.#ttlMs }: NonNullable<Parameters<RequestState['mint']>[1]>,
  ): Promise<string> {
    // Refuses what JSON would change, so that it comes back equal; the size is that of the sealed text.
    encodeValue(payload, { valueBytes: Number.POSITIVE_INFINITY });
    const sealed: Sealed = {
      payload,
      for: binding,
      exp: this.#clock.now() + assertTtl(ttlMs),
      once: singleUse ? randomBytes(16).toString('base64url') : undefined,
    };
    const state = await this.#seal.close(JSON.stringify(sealed));
    if (state.length > REQUEST_STATE_BYTES) {
      throw new LimitExceeded(
        `requestState: is ${state.length} bytes when sealed, at most ${REQUEST_STATE_BYTES} are allowed: ` +
          'keep what is large in the session, and only its key in the state',
        REQUEST_STATE_BYTES,
      );
    }
    return state;
  }

  async #verify(binding: string, state: string): Promise<unknown> {
    const opened = state.length > REQUEST_STATE_BYTES ? undefined : await this.#seal.open(state);
    if (opened === undefined) throw new RequestStateRefused('unreadable');
    const { payload, for: madeFor, exp, once } = JSON.parse(opened) as Sealed;
    const leftMs = exp - this.#clock.now();
    if (leftMs <= 0) throw new RequestStateRefused('expired');
    if (madeFor !== binding) throw new RequestStateRefused('foreign');
    if (
      once !== undefined &&
      !(await this.#singleUse.claim(`request-state ${once}`, leftMs + CLOCK_SKEW_MS))
    ) {
      throw new RequestStateRefused('already used');
    }
    return payload;
  }
}

function assertTtl(ttlMs: number): number {
  if (Number.isFinite(ttlMs) && ttlMs > 0) return ttlMs;
  throw new RangeError('ttlMs must be a number of milliseconds above 0');
}
