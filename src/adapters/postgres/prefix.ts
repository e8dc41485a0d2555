import { KEY_CHARACTERS } from '../../domain/limits.ts';

const LAST = 0x10ffff;
const SURROGATES = { first: 0xd800, last: 0xdfff };
/** Greater than every key: no key is longer, and no character is greater. */
const AFTER_ALL = String.fromCodePoint(LAST).repeat(KEY_CHARACTERS + 1);

/**
 * The least text that is greater than every key that begins with `prefix`, in the order of code points, which
 * is the byte order of UTF-8.
 */
export function afterPrefix(prefix: string): string {
  const codePoints = [...prefix].map((character) => character.codePointAt(0) as number);
  while (codePoints.at(-1) === LAST) codePoints.pop();
  const last = codePoints.pop();
  if (last === undefined) return AFTER_ALL;
  const next = last + 1 === SURROGATES.first ? SURROGATES.last + 1 : last + 1;
  return String.fromCodePoint(...codePoints, next);
}
