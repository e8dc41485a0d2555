import { describe, expect, it } from 'vitest';
import { newSessionId } from '../../src/domain/session.ts';
import { decodeRecord, encodeRecord, type StreamRecord } from '../../src/domain/stream-record.ts';
import { NOW } from '../contract/fixtures.ts';

const ID = newSessionId();

function message(value: unknown, more: object = {}): StreamRecord {
  return { kind: 'message', message: JSON.stringify(value), at: NOW, ...more };
}

function roundTrip(record: StreamRecord): StreamRecord {
  return decodeRecord(encodeRecord(record, ID), ID);
}

describe('a record', () => {
  it.each<StreamRecord>([
    { kind: 'begin', requests: [1, 'two', 0, ''] },
    { kind: 'open', toNobody: false },
    { kind: 'open', toNobody: true },
    { kind: 'open', toNobody: false, announcedUpTo: 7 },
    { kind: 'alive', requests: [] },
    message({ jsonrpc: '2.0', id: 1, result: {} }, { writer: 'w', number: 7, requests: [1] }),
    message('text with "quotes", \\ and \u2028 and 😀'),
    // Fields named like the record's own.
    message({ hidden: 'x', open: 'y', begin: [1], alive: [2], m: 3, w: 'v' }),
    message(null),
  ])('%j is read back', (record) => {
    expect(roundTrip(record)).toEqual(record);
  });

  // Catches: numbers that lose digits, and fields that change places, on their way through the log.
  it('keeps a message’s JSON', () => {
    const text = '{"z":1,"a":[1.5,-0.25,1e+21],"é":"\\u0000"}';
    expect(roundTrip({ kind: 'message', message: text, at: NOW })).toMatchObject({ message: text });
  });
});

describe('the session id', () => {
  it.each([
    ['as a value', { session_id: ID }],
    ['within a text', { text: `see https://example.com/?s=${ID}&x=1, or "${ID}${ID}"` }],
    ['as a key', { [ID]: { [`${ID}/x`]: [ID] } }],
  ])('is not in the log’s text where a message has it %s, and is restored', (_, value) => {
    const record = message(value, { writer: 'w', number: 1, requests: [ID] });
    expect(encodeRecord(record, ID)).not.toContain(ID);
    expect(roundTrip(record)).toEqual(record);
  });

  it('is hidden in the ids of requests too', () => {
    for (const kind of ['begin', 'alive'] as const) {
      const record = { kind, requests: [ID, 1] };
      expect(encodeRecord(record, ID)).not.toContain(ID);
      expect(roundTrip(record)).toEqual(record);
    }
  });

  // Catches: a fixed placeholder, which would turn a client's own text into the session id.
  it('is not put where the message has something like its placeholder', () => {
    const placeholder = placeholderOf(encodeRecord(message(ID), ID));
    const values = [
      placeholder,
      { hidden: placeholder, m: `session-id-${'0'.repeat(12)}` },
      [ID, placeholder, 'session-id-', `${placeholder}${ID}`],
      { [placeholder]: ID },
    ];
    for (const value of values) expect(roundTrip(message(value))).toEqual(message(value));
  });

  it('has another placeholder in every record', () => {
    const texts = Array.from({ length: 50 }, () => placeholderOf(encodeRecord(message(ID), ID)));
    expect(new Set(texts).size).toBe(50);
  });

  // Catches: a client that writes a marker of its own into the record's head.
  it('is not given to whoever sends a message with a marker in it', () => {
    const record = message({ hidden: 'session-id-000000000000', text: 'session-id-000000000000' });
    expect(encodeRecord(record, ID)).not.toMatch(/^\{"hidden"/);
    expect(roundTrip(record)).toEqual(record);
  });
});

function placeholderOf(text: string): string {
  return (JSON.parse(text) as { hidden: string }).hidden;
}
