import { InvalidToken, TokenRequired } from '../../domain/errors.ts';

/** RFC 6750 §2.1, with the scheme in any case (RFC 9110 §11.1). */
const CREDENTIALS = /^bearer +([\w\-.~+/]+=*)$/i;

/**
 * The token of an `Authorization` header, the one place where it may be (2025-11-25, Authorization, Token
 * Requirements).
 * @throws TokenRequired, InvalidToken
 */
export function bearerToken(authorization: string | null): string {
  if (authorization === null || !/^bearer\b/i.test(authorization)) throw new TokenRequired();
  const token = CREDENTIALS.exec(authorization)?.[1];
  if (token === undefined) throw new InvalidToken('is malformed');
  return token;
}
