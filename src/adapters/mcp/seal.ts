import { hkdfSync } from 'node:crypto';
import { CompactEncrypt, compactDecrypt, errors } from 'jose';
import { SECRET_BYTES } from './secret-bytes.ts';

const ALGORITHM = { alg: 'dir', enc: 'A256GCM' } as const;

/** Texts that whoever holds them can neither read nor change: JWE, under keys that are derived from secrets. */
export class Seal {
  readonly #keys: readonly [Uint8Array, ...Uint8Array[]];

  /**
   * @param secrets the first one seals, all of them open
   * @param purpose what is sealed for one is not opened for another
   * @throws RangeError if there is none, or one has less than 32 bytes
   */
  constructor(secrets: readonly string[], purpose: string) {
    const [first, ...others] = secrets.map((secret) => keyOf(secret, purpose));
    if (first === undefined) throw new RangeError('keys: at least one is needed');
    this.#keys = [first, ...others];
  }

  close(text: string): Promise<string> {
    return new CompactEncrypt(Buffer.from(text)).setProtectedHeader(ALGORITHM).encrypt(this.#keys[0]);
  }

  /** The text; `undefined` if it was not sealed under any of the secrets, or not as it is now. */
  async open(sealed: string): Promise<string | undefined> {
    if (!isCanonical(sealed)) return undefined;
    for (const key of this.#keys) {
      try {
        const { plaintext } = await compactDecrypt(sealed, key, {
          keyManagementAlgorithms: [ALGORITHM.alg],
          contentEncryptionAlgorithms: [ALGORITHM.enc],
        });
        return Buffer.from(plaintext).toString();
      } catch (error) {
        // Under another secret, perhaps.
        if (!(error instanceof errors.JOSEError)) throw error;
      }
    }
    return undefined;
  }
}

/** Base64url spells most bytes in several ways, and its decoders pass over what is none: one spelling is taken. */
function isCanonical(sealed: string): boolean {
  return sealed.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}

function keyOf(secret: string, purpose: string): Uint8Array {
  if (Buffer.byteLength(secret) < SECRET_BYTES) {
    throw new RangeError(`keys: each needs at least ${SECRET_BYTES} bytes of UTF-8`);
  }
  return new Uint8Array(hkdfSync('sha256', secret, '', `durable-mcp ${purpose} v1`, 32));
}
