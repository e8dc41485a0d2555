import type { Principal } from '../domain/principal.ts';

/** What a client has to know of a server to get a token for it (RFC 9728, Protected Resource Metadata). */
export interface ProtectedResource {
  /** The endpoint's public URL. */
  readonly url: string;
  /** Who issues tokens for it. */
  readonly issuer: string;
  /** The scopes that every token must have; may be none. */
  readonly scopes: readonly string[];
}

/** Says whom a request comes from. */
export interface Authentication {
  /**
   * What clients without a token are told. Where it is there, the `Authorization` header is the authentication's
   * alone, and no tool is shown it. Absent where somebody in front deals with clients that have no credentials.
   */
  readonly resource?: ProtectedResource | undefined;

  /**
   * The principal that the request's credentials name, once they are verified. Looks at headers only: the body is not
   * read before it is known who sends it.
   * @returns `undefined` for a caller who is not known by name. With an empty issuer or subject the request is answered
   *   with 500, and `onBug` is told: all such callers would be the same.
   * @throws TokenRequired, InvalidToken, InsufficientScope, IssuerUnavailable
   */
  principalOf(request: Request): Principal | undefined | Promise<Principal | undefined>;
}
