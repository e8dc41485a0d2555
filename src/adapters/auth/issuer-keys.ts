import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
} from 'jose';
import { IssuerUnavailable } from '../../domain/errors.ts';
import { discoverJwksUrl } from './discovery.ts';
import type { JwtAuthenticationOptions } from './jwt-options.ts';
import { withUsableKeys } from './usable-keys.ts';

/** For metadata and keys together. */
const TIMEOUT_MS = 5_000;
/** After this, a key that its issuer withdrew is not taken any more. */
const KEYS_KEPT_MS = 10 * 60_000;
/** Whoever makes up key ids can have the issuer asked this often, and no oftener. */
const UNKNOWN_KEY_PAUSE_MS = 5_000;
/** An issuer that failed is left alone for this long. */
const FAILURE_PAUSE_MS = 1_000;

export type IssuerKeysOptions = Pick<JwtAuthenticationOptions, 'issuer' | 'jwksUrl' | 'onError'>;

/** The public keys of an issuer, fetched when they are needed, and again when a token names one that is new. */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  readonly #keys: JWTVerifyGetKey;
  #discovered: string | undefined;
  #failure: { readonly cause: unknown; readonly until: number } | undefined;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
    // Where the keys are is found out with each fetch that needs to: the URL here is a name only.
    this.#keys = createRemoteJWKSet(new URL(options.jwksUrl ?? options.issuer), {
      timeoutDuration: TIMEOUT_MS,
      cacheMaxAge: KEYS_KEPT_MS,
      cooldownDuration: UNKNOWN_KEY_PAUSE_MS,
      [customFetch]: (_url, init) => this.#fetch(init),
    });
  }

  /** @throws IssuerUnavailable; one of jose's errors where the token itself names no key of the issuer */
  readonly keyOf: JWTVerifyGetKey = async (header, token) => {
    try {
      return await this.#keys(header, token);
    } catch (error) {
      if (isOfToken(error)) throw error;
      throw this.#unavailable(error);
    }
  };

  async #fetch(init: Parameters<FetchImplementation>[1]): Promise<Response> {
    const { issuer, jwksUrl } = this.#options;
    if (this.#failure !== undefined && Date.now() < this.#failure.until) throw this.#failure.cause;
    this.#discovered ??= jwksUrl ?? (await discoverJwksUrl(issuer, init.signal));
    return withUsableKeys(await fetch(this.#discovered, init));
  }

  #unavailable(cause: unknown): IssuerUnavailable {
    const error = new IssuerUnavailable({ cause });
    const now = Date.now();
    // All requests that waited for one fetch come here, and those that come until the next.
    if (this.#failure === undefined || now >= this.#failure.until) {
      this.#failure = { cause, until: now + FAILURE_PAUSE_MS };
      // The keys may have moved.
      this.#discovered = undefined;
      this.#options.onError?.(error);
    }
    return error;
  }
}

function isOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}
