import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { InvalidToken } from '../../domain/errors.ts';
import type { IssuerKeys } from './issuer-keys.ts';

/** Signatures that only the holder of a private key can make. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

const CLAIM_PROBLEMS: Readonly<Record<string, string>> = {
  iss: 'is of another issuer',
  aud: 'is for another audience',
  nbf: 'is not valid yet',
  exp: 'does not say when it expires',
  sub: 'does not say who its subject is',
};

/**
 * The claims of a token that one of the keys has signed, and that is valid now.
 * @throws InvalidToken, IssuerUnavailable
 */
export async function verifiedClaims(
  token: string,
  keys: IssuerKeys,
  rules: Pick<JWTVerifyOptions, 'issuer' | 'audience' | 'clockTolerance'>,
): Promise<JWTPayload> {
  const options = { ...rules, algorithms: ALGORITHMS, requiredClaims: ['exp', 'sub'] };
  try {
    return await verify(token, keys, options);
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new InvalidToken(problemOf(error), { cause: error });
    throw error;
  }
}

async function verify(token: string, keys: IssuerKeys, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys.keyOf, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    // A token need not say which key signed it.
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** In our own words: jose's may come to quote what the token says. */
function problemOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return CLAIM_PROBLEMS[error.claim] ?? 'has a claim that is not valid';
  }
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return 'is malformed';
  return 'is not signed with a key of its issuer, by an algorithm that is accepted';
}
