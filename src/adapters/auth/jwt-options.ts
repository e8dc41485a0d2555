import { isHttpUrl, isSecureUrl } from './secure-url.ts';

export const DEFAULT_CLOCK_TOLERANCE_S = 5;
/** More would let a token live on for longer than its issuer could mean. */
export const MAX_CLOCK_TOLERANCE_S = 60;

/** Where access tokens come from, and what is asked of them. */
export interface JwtAuthenticationOptions {
  /**
   * Who issues the tokens: their `iss`, to the letter. An https URL without a query, or an http URL of this machine.
   */
  readonly issuer: string;
  /** What the tokens' `aud` must name: this server, best by its public URL. */
  readonly audience: string;
  /**
   * The endpoint's public URL, by which clients know it: the `audience` by default if that is an http or https URL,
   * and needed otherwise. Its host is one that requests may name in their `Host` header.
   */
  readonly resource?: string | undefined;
  /**
   * Where the issuer's keys are (JWK Set): https, or http on this machine. By default the issuer's metadata says
   * so (RFC 8414, OpenID Connect Discovery).
   */
  readonly jwksUrl?: string | undefined;
  /** Scopes that a token must have, all of them, in its `scope` or `scp`; none by default. */
  readonly requiredScopes?: readonly string[] | undefined;
  /** By how much clocks may differ for `exp` and `nbf`, in whole seconds from 0 to 60; 5 by default. */
  readonly clockToleranceSeconds?: number | undefined;
  /**
   * Told when the issuer's keys cannot be had, at most once a second; requests are answered with 503 then. Must not
   * throw.
   */
  readonly onError?: ((error: Error) => void) | undefined;
}

/** What is wrong with an option: the sentence that begins with its name. */
export interface OptionProblem {
  readonly option: keyof JwtAuthenticationOptions;
  readonly rule: string;
}

/** RFC 6749 §3.3: what a space-separated list in a header can hold. */
const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

const SECURE = 'https, or http on this machine, without credentials';

/** All that is wrong with them, each option at most once. */
export function problemsOf(options: JwtAuthenticationOptions): readonly OptionProblem[] {
  const { issuer, audience, jwksUrl, requiredScopes = [], clockToleranceSeconds = 0 } = options;
  const problems: OptionProblem[] = [];
  const check = (isRight: boolean, option: OptionProblem['option'], rule: string): void => {
    if (!isRight) problems.push({ option, rule });
  };
  const isIssuer = isSecureUrl(issuer) && !issuer.includes('?');
  check(isIssuer, 'issuer', `must be the URL of an issuer: ${SECURE}, query and fragment`);
  check(
    // A caller in JavaScript may leave it out, and jose checks no audience where it is given none.
    typeof audience === 'string' && audience !== '' && audience === audience.trim(),
    'audience',
    'must not be empty, nor begin or end with a space: it is what tokens for this server name as their aud',
  );
  const resource = resourceUrl(options);
  check(
    resource !== undefined && isHttpUrl(resource) && !resource.includes('?'),
    'resource',
    'must be the http or https URL at which clients reach the endpoint, without query and fragment' +
      (options.resource === undefined ? ', since the audience is no such URL' : ''),
  );
  check(jwksUrl === undefined || isSecureUrl(jwksUrl), 'jwksUrl', `must be the URL of a JWK Set: ${SECURE}`);
  check(
    requiredScopes.every((scope) => SCOPE_TOKEN.test(scope)),
    'requiredScopes',
    'must be scopes of visible ASCII characters, without quotes and backslashes',
  );
  const isTolerance = Number.isSafeInteger(clockToleranceSeconds) && clockToleranceSeconds >= 0;
  check(
    isTolerance && clockToleranceSeconds <= MAX_CLOCK_TOLERANCE_S,
    'clockToleranceSeconds',
    `must be a whole number from 0 to ${MAX_CLOCK_TOLERANCE_S}`,
  );
  return problems;
}

export function resourceUrl({
  resource,
  audience,
}: Pick<JwtAuthenticationOptions, 'resource' | 'audience'>): string | undefined {
  return resource ?? (isHttpUrl(audience) ? audience : undefined);
}
