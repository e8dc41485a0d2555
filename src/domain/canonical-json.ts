import { createHmac } from 'node:crypto';
import { InvalidArgument } from './errors.ts';

/** Deepest nesting of arrays and objects: beyond it, whatever walks through them would run out of stack. */
export const CANONICAL_DEPTH = 1_000;

/**
 * The JSON text of `value` with the members of each object in one order: values that differ in nothing else have the
 * same text. `undefined` is taken for `null`, and left out as a member, as JSON has it.
 *
 * @throws InvalidArgument naming `arguments`, of which it is made, beyond {@link CANONICAL_DEPTH}
 */
export function canonicalJson(value: unknown): string {
  return textOf(value, 0);
}

/**
 * HMAC-SHA-256 of the canonical text, base64url.
 * @param secret makes it of no use to whoever only guesses the value, such as the reader of a dump
 */
export function canonicalDigest(value: unknown, secret = ''): string {
  return createHmac('sha256', secret).update(canonicalJson(value), 'utf8').digest('base64url');
}

function textOf(value: unknown, depth: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (depth >= CANONICAL_DEPTH) {
    throw new InvalidArgument(
      'arguments',
      `are nested too deeply, at most ${CANONICAL_DEPTH} levels are allowed: make them flatter`,
    );
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') return textOf(value.toJSON(), depth + 1);
  if (Array.isArray(value)) return `[${Array.from(value, (item) => textOf(item, depth + 1)).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${textOf(member, depth + 1)}`);
  return `{${members.join(',')}}`;
}
