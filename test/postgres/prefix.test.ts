import { expect, it } from 'vitest';
import { afterPrefix } from '../../src/adapters/postgres/prefix.ts';

const bytes = (text: string) => Buffer.from(text);

// Catches: the next UTF-16 unit for the next code point, and a last character that has no next.
it.each([
  ['a', 'b'],
  ['a\u{10ffff}', 'b'],
  ['a\u{10ffff}\u{10ffff}', 'b'],
  ['a\ud7ff', 'a\ue000'],
  ['a\uffff', 'a\u{10000}'],
  ['\u{1f600}', '\u{1f601}'],
])('the first text after all that begin with %j is %j', (prefix, after) => {
  expect(afterPrefix(prefix)).toBe(after);
  expect(Buffer.compare(bytes(`${prefix}\u{10ffff}\u{10ffff}`), bytes(after))).toBe(-1);
});

it.each(['', '\u{10ffff}'])('after %j come no keys', (prefix) => {
  // The longest key in characters, and the longest in bytes.
  for (const longest of ['\u{10ffff}'.repeat(256), '\u{10ffff}'.repeat(192)]) {
    expect(Buffer.compare(bytes(longest), bytes(afterPrefix(prefix)))).toBe(-1);
  }
});
