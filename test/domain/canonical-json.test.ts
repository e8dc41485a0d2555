import { describe, expect, it } from 'vitest';
import { CANONICAL_DEPTH, canonicalDigest, canonicalJson } from '../../src/domain/canonical-json.ts';
import { InvalidArgument } from '../../src/domain/errors.ts';

describe('the canonical text', () => {
  it.each([
    ['members in another order', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
    ['members that JSON leaves out', { a: 1, b: undefined }, { a: 1 }],
    ['what JSON makes of an object of its own', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
    ['numbers that are spelled otherwise', JSON.parse('[1.0,1e2,-0]'), [1, 100, 0]],
    ['nothing and null', [undefined], [null]],
  ])('is the same for %s', (_, one, other) => {
    expect(canonicalJson(one)).toBe(canonicalJson(other));
    expect(canonicalDigest(one)).toBe(canonicalDigest(other));
  });

  // Catches: texts that run into each other, and members that an object’s prototype hides.
  it.each([
    ['items in another order', [1, 2], [2, 1]],
    ['a number and its text', 1, '1'],
    ['text that looks like JSON', ['a","b'], ['a', 'b']],
    ['a list and an object of the same', ['a'], { 0: 'a' }],
    ['nothing and an empty object', null, {}],
    ['members named like the prototype’s', JSON.parse('{"__proto__":1}'), {}],
    ['dates', new Date(0), new Date(1)],
    ['composed and decomposed letters', 'é', 'e\u0301'],
  ])('is another one for %s', (_, one, other) => {
    expect(canonicalJson(one)).not.toBe(canonicalJson(other));
    expect(canonicalDigest(one)).not.toBe(canonicalDigest(other));
  });

  it('is JSON of the same value', () => {
    const value = JSON.parse('{"z":[1,{"y":null,"x":"\\u0000\\ud800"}],"__proto__":{"a":true},"":""}');
    expect(JSON.parse(canonicalJson(value))).toEqual(value);
  });

  // Deeper than any stack: must be an answer, not a RangeError.
  it('is refused beyond the stated depth', () => {
    const nested = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);
    expect(() => canonicalJson(nested(CANONICAL_DEPTH))).not.toThrow();
    expect(() => canonicalJson(nested(CANONICAL_DEPTH + 1))).toThrow(InvalidArgument);
    expect(() => canonicalJson(nested(200_000))).toThrow(/^arguments: .*1000 levels/);
  });
});

it('a digest is another one under each secret, and a name that every store takes', () => {
  const digests = ['', 'one', 'two'].map((secret) => canonicalDigest({ a: 1 }, secret));
  expect(new Set(digests).size).toBe(3);
  for (const digest of digests) expect(digest).toMatch(/^[A-Za-z0-9_-]{43}$/);
});
