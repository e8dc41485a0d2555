import { createPublicKey, type JsonWebKeyInput } from 'node:crypto';

/** RFC 7518 §3.3. jose refuses to verify with a shorter one, with an error that is none of the token's. */
const RSA_BITS = 2_048;

/**
 * An issuer's answer with its JWK Set, without the keys that nothing can be verified with: a key of the issuer that is
 * broken or too short is as one that it does not have, whatever token names it, and is in no other's way.
 */
export async function withUsableKeys(response: Response): Promise<Response> {
  if (response.status !== 200) return response;
  const set: unknown = await response.json();
  if (typeof set !== 'object' || set === null || !('keys' in set) || !Array.isArray(set.keys)) {
    return Response.json(set);
  }
  return Response.json({ ...set, keys: set.keys.filter(isUsable).map(forVerification) });
}

/** Of what a pair of keys is for, a public one does a part only; jose fails where it is told of the rest. */
function forVerification(key: object): object {
  const isForMore = 'key_ops' in key && Array.isArray(key.key_ops) && key.key_ops.includes('verify');
  return isForMore ? { ...key, key_ops: ['verify'] } : key;
}

function isUsable(key: object | null): boolean {
  // Whose private part is published is nobody's in particular.
  if (key === null || 'd' in Object(key)) return false;
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key, format: 'jwk' } as JsonWebKeyInput);
    return (asymmetricKeyDetails?.modulusLength ?? RSA_BITS) >= RSA_BITS;
  } catch {
    // Of another kind than any that is accepted, or no key at all.
    return false;
  }
}
