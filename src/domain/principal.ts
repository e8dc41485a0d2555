/**
 * Who owns a session: the issuer and subject of a verified token, never the token's bytes, which change with
 * every refresh. `undefined` where no authentication is configured.
 */
export interface Principal {
  readonly issuer: string;
  readonly subject: string;
}

export function isSamePrincipal(a: Principal | undefined, b: Principal | undefined): boolean {
  return a?.issuer === b?.issuer && a?.subject === b?.subject;
}
