import { InvalidArgument } from './errors.ts';
import { PRINCIPAL_BYTES } from './limits.ts';

/**
 * Who owns a session: the issuer and subject of a verified token, never the token's bytes, which change with
 * every refresh. `undefined` where no authentication is configured. See {@link assertPrincipal} for what they may be.
 */
export interface Principal {
  readonly issuer: string;
  readonly subject: string;
}

/**
 * Whether it names anybody: whatever an author's function returns, both are texts that say something. Those who had
 * neither would all be one.
 */
export function isNamed(principal: Principal): boolean {
  const { issuer, subject }: { readonly issuer?: unknown; readonly subject?: unknown } = principal ?? {};
  return [issuer, subject].every((text) => typeof text === 'string' && text.trim() !== '');
}

export function isSamePrincipal(a: Principal | undefined, b: Principal | undefined): boolean {
  return a?.issuer === b?.issuer && a?.subject === b?.subject;
}

/**
 * Both must be text that every store keeps as it is, and together at most {@link PRINCIPAL_BYTES} long.
 * @throws InvalidArgument
 */
export function assertPrincipal({ issuer, subject }: Principal): void {
  if ([issuer, subject].some((text) => !text.isWellFormed() || text.includes('\0'))) {
    throw new InvalidArgument('principal', 'issuer and subject must be well-formed Unicode, without NUL');
  }
  const bytes = Buffer.byteLength(issuer) + Buffer.byteLength(subject);
  if (bytes > PRINCIPAL_BYTES) {
    throw new InvalidArgument(
      'principal',
      `issuer and subject are ${bytes} bytes long in UTF-8 together, at most ${PRINCIPAL_BYTES} are allowed`,
    );
  }
}
