import { describe, expect, it } from 'vitest';
import { InvalidArgument } from '../../src/domain/errors.ts';
import { encodeValue } from '../../src/domain/json.ts';
import { decodeCursor, encodeCursor } from '../../src/domain/list-cursor.ts';
import { assertKey, assertPrefix } from '../../src/domain/value.ts';

const limits = { valueBytes: 100 };

describe('keys', () => {
  it.each([
    ['one character', 'x'],
    ['256 characters', 'x'.repeat(256)],
    ['256 characters beyond the basic plane would be 1,024 bytes, 192 are 768', '\u{1f600}'.repeat(192)],
    ['256 characters of 3 bytes', '€'.repeat(256)],
    ['a space', ' '],
    ['a line separator, which is no control character', '\u2028'],
    ['a name that JavaScript knows', '__proto__'],
  ])('may be %s', (_, key) => {
    expect(() => assertKey(key)).not.toThrow();
  });

  it.each([
    ['empty', '', /empty/],
    ['257 characters', 'x'.repeat(257), /257 characters.*256/],
    ['769 bytes', `${'€'.repeat(255)}\u{1f600}`, /769 bytes.*768/],
    ['193 characters of 4 bytes', '\u{1f600}'.repeat(193), /772 bytes.*768/],
    ['a lone high surrogate', 'a\ud800', /surrogate/],
    ['a lone low surrogate', '\udc00a', /surrogate/],
    ['a newline', 'a\nb', /control/],
    ['NUL', '\0', /control/],
    ['DEL', '\x7f', /control/],
    ['a C1 control', '\x85', /control/],
  ])('must not be %s', (_, key, message) => {
    expect(() => assertKey(key)).toThrow(InvalidArgument);
    expect(() => assertKey(key)).toThrow(message);
    expect(() => assertKey(key)).toThrow(/^key: /);
  });

  it('a prefix may be empty, and else follows the same rules', () => {
    expect(() => assertPrefix('')).not.toThrow();
    expect(() => assertPrefix('\n')).toThrow(/^prefix: /);
  });
});

describe('values', () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });

  it('are refused above the limit in bytes, not characters, and kept at it', () => {
    expect(encodeValue('é'.repeat(49), limits)).toHaveLength(51);
    expect(() => encodeValue(`${'é'.repeat(49)}x`, limits)).toThrow(/101 bytes.*100/);
  });

  it('may be nested 100 levels deep, and not one more', () => {
    expect(() => encodeValue(nested(100), { valueBytes: 10_000 })).not.toThrow();
    expect(() => encodeValue(nested(101), { valueBytes: 10_000 })).toThrow(/100 levels/);
    // Deeper than any stack: must be an answer, not a RangeError.
    const endless = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`) as unknown;
    expect(() => encodeValue(endless, { valueBytes: 10_000_000 })).toThrow(InvalidArgument);
  });

  it.each([
    ['undefined', undefined],
    ['Infinity, which JSON.parse makes of 1e400', JSON.parse('1e400')],
    ['NaN in a member', { a: [Number.NaN] }],
    ['an undefined member', { a: undefined }],
    ['a hole in an array', Object.assign(new Array(3), { 0: 1, 2: 2 })],
    ['a function', { f() {} }],
    ['a bigint', 1n],
    ['a Date', new Date()],
    ['a Map', new Map()],
  ])('that JSON would change are refused: %s', (_, value) => {
    expect(() => encodeValue(value, limits)).toThrow(/^value: /);
  });

  it('keep members named like the prototype’s', () => {
    const json = '{"__proto__":{"x":1},"constructor":null}';
    expect(encodeValue(JSON.parse(json), limits)).toBe(json);
  });
});

describe('list cursors', () => {
  it('lead back to the key', () => {
    for (const key of ['a', 'é\u{1f600}', ' ']) expect(decodeCursor(encodeCursor(key), '')).toBe(key);
  });

  it.each(['', '!', 'YQ==', 'YWI', '/w', '_w'])(
    'that were not made for this list are refused: %j',
    (cursor) => {
      expect(() => decodeCursor(cursor, 'x')).toThrow(/^cursor: /);
    },
  );
});
