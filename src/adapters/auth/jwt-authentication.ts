import type { JWTPayload } from 'jose';
import { InsufficientScope, InvalidArgument, InvalidToken } from '../../domain/errors.ts';
import { assertPrincipal, type Principal } from '../../domain/principal.ts';
import type { Authentication } from '../../ports/authentication.ts';
import { bearerToken } from './bearer-token.ts';
import { IssuerKeys } from './issuer-keys.ts';
import {
  DEFAULT_CLOCK_TOLERANCE_S,
  type JwtAuthenticationOptions,
  problemsOf,
  resourceUrl,
} from './jwt-options.ts';
import { verifiedClaims } from './token-claims.ts';

/**
 * Takes requests with a bearer token that `issuer` has signed for `audience` (JWT, RFC 9068 and alike), and knows
 * their callers by issuer and subject, so that a refreshed token is still the same caller. The issuer's keys are
 * fetched with the first request, kept for 10 minutes, and fetched anew where a token names a key that is not among
 * them, at most every 5 s.
 *
 * A request without a token that is accepted is answered with 401, one whose token lacks a scope with 403, and with
 * 503 while the keys are not to be had.
 *
 * @throws RangeError that names each option that is out of its limits
 */
export function jwtAuthentication(options: JwtAuthenticationOptions): Authentication {
  const problems = problemsOf(options);
  if (problems.length > 0) {
    throw new RangeError(problems.map(({ option, rule }) => `authentication: ${option} ${rule}`).join('\n'));
  }
  const { issuer, audience } = options;
  const requiredScopes = [...(options.requiredScopes ?? [])];
  const keys = new IssuerKeys(options);
  const clockTolerance = options.clockToleranceSeconds ?? DEFAULT_CLOCK_TOLERANCE_S;
  return {
    resource: { url: resourceUrl(options) as string, issuer, scopes: requiredScopes },
    principalOf: async ({ headers }) => {
      const token = bearerToken(headers.get('authorization'));
      const claims = await verifiedClaims(token, keys, { issuer, audience, clockTolerance });
      const principal = principalOf(claims, issuer);
      const granted = grantedScopes(claims);
      if (!requiredScopes.every((scope) => granted.has(scope))) throw new InsufficientScope(requiredScopes);
      return principal;
    },
  };
}

/** @throws InvalidToken */
function principalOf({ sub: subject }: JWTPayload, issuer: string): Principal {
  if (typeof subject !== 'string' || subject === '')
    throw new InvalidToken('does not say who its subject is');
  const principal = { issuer, subject };
  try {
    assertPrincipal(principal);
  } catch (error) {
    if (!(error instanceof InvalidArgument)) throw error;
    throw new InvalidToken('names a subject that cannot be kept', { cause: error });
  }
  return principal;
}

/** `scope` as RFC 9068 has it, `scp` as other issuers do. */
function grantedScopes({ scope, scp }: JWTPayload): ReadonlySet<unknown> {
  return new Set(
    [scope, scp].flatMap((claim: unknown) => {
      if (typeof claim === 'string') return claim.split(' ');
      return Array.isArray(claim) ? (claim as unknown[]) : [];
    }),
  );
}
