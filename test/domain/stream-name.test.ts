import { describe, expect, it } from 'vitest';
import {
  eventId,
  INBOUND_STREAM,
  isShown,
  newCallStream,
  newInstanceId,
  ownerOf,
  parseEventId,
  STANDALONE_STREAM,
} from '../../src/domain/stream-name.ts';

const CALL = 'call-0123456789abcdef-fedcba9876543210';

describe('an event id', () => {
  it.each([
    { stream: STANDALONE_STREAM, sequence: 0 },
    { stream: STANDALONE_STREAM, sequence: 1 },
    { stream: newCallStream(newInstanceId()), sequence: 10 },
    { stream: newCallStream(newInstanceId()), sequence: 999_999_999_999 },
  ])('of %j is read back', (position) => {
    expect(parseEventId(eventId(position))).toEqual(position);
  });

  it('can be sent in a header, and is another one in every stream', () => {
    const [one, other] = [newCallStream(newInstanceId()), newCallStream(newInstanceId())];
    expect(eventId({ stream: one, sequence: 1 })).not.toBe(eventId({ stream: other, sequence: 1 }));
    expect(eventId({ stream: one, sequence: 1 })).toMatch(/^[\x21-\x7e]+$/);
  });

  // Catches: a resumption of what clients posted, and numbers that a store was never asked to take.
  it.each([
    '',
    '1',
    'standalone',
    'standalone.',
    '.1',
    'standalone.01',
    'standalone.-1',
    'standalone.+1',
    'standalone.1.0',
    'standalone.1e3',
    'standalone.0x1',
    'standalone. 1',
    'standalone.1 ',
    'standalone.1\n',
    ' standalone.1',
    'standalone.١',
    'standalone.1000000000000',
    'Standalone.1',
    'other.1',
    `${INBOUND_STREAM}.1`,
    `${CALL}`,
    `${CALL}0.1`,
    `${CALL.slice(0, -1)}.1`,
    `${CALL.toUpperCase()}.1`,
    `x${CALL}.1`,
    `call-0123456789abcdeg-fedcba9876543210.1`,
    `call-0123456789abcdef.1`,
    `call-.1`,
    `../${CALL}.1`,
    `${'a'.repeat(100_000)}.1`,
  ])('is not what %j is', (text) => {
    expect(parseEventId(text)).toBeUndefined();
  });
});

describe('a stream’s name', () => {
  it('names the instance that runs its call', () => {
    const owner = newInstanceId();
    expect(ownerOf(newCallStream(owner))).toBe(owner);
    expect(newCallStream(owner)).not.toBe(newCallStream(owner));
    expect(newInstanceId()).not.toBe(newInstanceId());
  });

  it('is one that every store takes', () => {
    for (const name of [newCallStream(newInstanceId()), STANDALONE_STREAM, INBOUND_STREAM]) {
      expect(name).toMatch(/^[A-Za-z0-9_-]{1,128}$/);
    }
  });

  it('says whether clients are shown it', () => {
    expect(isShown(STANDALONE_STREAM)).toBe(true);
    expect(isShown(CALL)).toBe(true);
    expect(isShown(INBOUND_STREAM)).toBe(false);
    expect(isShown('')).toBe(false);
    expect(ownerOf(STANDALONE_STREAM)).toBeUndefined();
    expect(ownerOf(INBOUND_STREAM)).toBeUndefined();
  });
});
