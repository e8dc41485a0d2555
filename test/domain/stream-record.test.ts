import { describe, expect, it } from 'vitest';
import { newSessionId, sessionRef, showRef } from '../../src/domain/session.ts';
import {
  decodeRecord,
  encodeRecord,
  type StreamMessage,
  type StreamRecord,
} from '../../src/domain/stream-record.ts';
import { NOW, times } from '../contract/fixtures.ts';
import { seededRandom } from '../support/seeded-random.ts';

const ID = newSessionId();
const OTHER = newSessionId();
const THIRD = newSessionId();

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
    // Texts like what parts the fields from the message.
    message({ w: 1, m: ',"m":{}}', n: [{ k: 1, m: 2 }] }, { requests: [',"m":1', '"],"m":2'] }),
    { kind: 'begin', requests: [',"m":1}', '"],"m":{}'] },
    message(null),
  ])('%j is read back', (record) => {
    expect(roundTrip(record)).toEqual(record);
  });

  // Catches: numbers that lose digits, and fields that change places or are lost, on their way through the log.
  it('keeps a message’s JSON', () => {
    const text = '{"z":1,"a":[1.5,-0.25,1e+21,9007199254740993],"é":"\\u0000\\/","a":2}';
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

describe('the id of another session', () => {
  it.each<readonly [string, unknown]>([
    ['as a value', { session_id: OTHER }],
    ['as a key', { [OTHER]: { [`x/${OTHER}/y`]: [OTHER, THIRD] } }],
    ['alone', OTHER],
    ['at the start and the end of a text', `${OTHER} and ${THIRD}`],
    ['in JSON within JSON', { text: JSON.stringify({ text: JSON.stringify({ session_id: OTHER }) }) }],
    [
      'after an escape',
      [`\n${OTHER}`, `"${OTHER}"`, `\\${OTHER}`, `\\u00e9${OTHER}`, `\u0001${OTHER}\u2028`],
    ],
    ['after an escape within an escape', JSON.stringify([`\n${OTHER}`, `\\n${OTHER}`, `\u0001${OTHER}`])],
    ['repeated', { text: `${OTHER}, ${OTHER}`, again: [OTHER, OTHER] }],
    ['with more around it', [`session-${OTHER}`, `https://example.com/${OTHER}/${THIRD}?s=${OTHER}#`]],
    ['joined to others', [`${OTHER}${THIRD}`, `${OTHER}_${THIRD}-${OTHER}`, `${OTHER}/${THIRD}+${OTHER}`]],
    ['beside the session’s own', [ID, OTHER, `${ID}${OTHER}${ID}`, `${ID}-${ID}`, { [ID]: THIRD }]],
    ['beside an image', { image: `${'A1b2/'.repeat(500)}==`, text: OTHER }],
    ['among many', times(12, () => `${newSessionId()} ${OTHER}`)],
    [
      'in a long path',
      [
        `/${times(30, () => `${OTHER}/-/${THIRD}`).join('/')}/`,
        `${'a/'.repeat(600)}-/${OTHER}/-${'/a'.repeat(600)}`,
        `-/${OTHER}${'/a'.repeat(600)}`,
      ],
    ],
  ])('is not in the log’s text where a message has it %s, and is restored', (_, value) => {
    const record = message(value, { writer: OTHER, number: 1, requests: [OTHER, `call ${THIRD}`] });
    const text = encodeRecord(record, ID);
    for (const id of [ID, OTHER, THIRD]) expect(text).not.toContain(id);
    expect(roundTrip(record)).toEqual(record);
  });

  // Catches: an escape that is torn apart, or taken for the first letters of an id.
  it.each(['\\u00e9', '\\n', '\\"', '\\\\', '\\/', '\\u005C'])(
    'is found right after %s in a JSON text',
    (escaped) => {
      const of = (id: string) => `["${escaped}${id}${escaped}"]`;
      const text = encodeRecord({ kind: 'message', message: of(OTHER), at: NOW }, ID);
      expect(text).not.toContain(OTHER);
      expect(decodeRecord(text, ID)).toEqual({ kind: 'message', message: of(OTHER), at: NOW });
      const { message: unrestored } = decodeRecord(text, OTHER) as StreamMessage;
      const [placeholder = ''] = /<hidden-\w+:0>/.exec(text) ?? [];
      expect(JSON.parse(unrestored)).toEqual(JSON.parse(of(placeholder)));
    },
  );

  it('is hidden in the ids of requests too', () => {
    for (const kind of ['begin', 'alive'] as const) {
      const record = { kind, requests: [OTHER, 1] };
      expect(encodeRecord(record, ID)).not.toContain(OTHER);
      expect(roundTrip(record)).toEqual(record);
    }
  });

  it.each([
    [42, false],
    [43, true],
    [64, true],
    [65, true],
    [1_023, true],
    [1_024, false],
  ])('may be in what has %d characters: hidden is %s', (length, isHidden) => {
    const token = 'aB3-'.repeat(256).slice(0, length);
    const record = message([token, `${token}.`, `/${token} `.slice(1)]);
    const text = encodeRecord(record, ID);
    expect(text.includes(token)).toBe(!isHidden);
    expect(text.includes('"sealed"')).toBe(isHidden);
    expect(roundTrip(record)).toEqual(record);
  });

  // Catches: an image of which each tenth of a kilobyte is taken for an id.
  it('is not sought in images, nor in numbers', () => {
    const image = Buffer.from(times(20_000, (index) => (index * index * 31) >>> 5)).toString('base64');
    const numbers = `[${'1'.repeat(50)},-0.${'1'.repeat(50)}e-5]`;
    const texts = [message({ image }), { kind: 'message', message: numbers, at: NOW } as const].map(
      (record) => encodeRecord(record, ID),
    );
    for (const text of texts) expect(text).not.toContain('sealed');
    expect(roundTrip(message({ image }))).toEqual(message({ image }));
  });

  // Catches: a client that writes placeholders, or a head, of its own.
  it('is not put where the message has something like its placeholder', () => {
    const { sealed } = JSON.parse(encodeRecord(message(OTHER), ID)) as { sealed: [string, string] };
    const [mark] = sealed;
    for (const value of [
      [`<${mark}:0>`, OTHER, '<hidden-000000000000:0>', `<${mark}:0`, ':0>'],
      { hidden: 'a', sealed, m: `<${mark}:0>` },
      { sealed, text: [OTHER, ID, `<${mark}:0>`] },
      [`<${OTHER}:0>`, `<hidden-${OTHER}:0>`],
    ]) {
      expect(roundTrip(message(value))).toEqual(message(value));
    }
  });

  // Catches: an id that whoever has the dump can unseal, and a reader that fails on what it cannot.
  it('stays hidden from whoever does not know the session’s id, who has the rest', () => {
    const text = encodeRecord(message({ a: 'b', of: [ID, OTHER, 1] }), ID);
    for (const name of [showRef(sessionRef(ID)), sessionRef(ID), newSessionId(), '']) {
      const record = decodeRecord(text, name);
      expect(JSON.stringify(record)).not.toContain(OTHER);
      expect(record).toMatchObject({
        message: expect.stringMatching(/^\{"a":"b","of":\[.*"<hidden-\w+:0>",1\]\}$/),
      });
    }
  });

  it.each(['', 'AAAA', 'A'.repeat(80)])('that was damaged (%j) is not read, but the rest is', (sealed) => {
    const text = encodeRecord(message([OTHER, 1]), ID);
    const damaged = text.replace(/("sealed":\["[^"]+",")[^"]+/, `$1${sealed || '!'}`);
    expect(decodeRecord(damaged, ID)).toMatchObject({
      message: expect.stringMatching(/^\["<hidden-.*>",1\]$/),
    });
  });

  // Catches: a nonce that is used twice, which gives away what AES-GCM has sealed, and a fixed placeholder.
  it('is sealed anew in every record', () => {
    const texts = times(50, () => encodeRecord(message(OTHER), ID));
    const seals = texts.map((text) => (JSON.parse(text) as { sealed: [string, string] }).sealed);
    expect(new Set(seals.map(([mark]) => mark)).size).toBe(50);
    // The nonce comes first: 12 bytes.
    expect(new Set(seals.map(([, sealed]) => sealed.slice(0, 16))).size).toBe(50);
  });

  it('is not taken for one where it is a digest', () => {
    const digest = sessionRef('something');
    const text = encodeRecord(message([digest, OTHER], { digests: [digest] }), ID);
    expect(text).toContain(digest);
    expect(text).not.toContain(OTHER);
    expect(decodeRecord(text, ID)).toEqual(message([digest, OTHER]));
  });

  it('is read as it is in records of earlier versions', () => {
    const m = ['session-id-0123456789ab', OTHER];
    for (const head of ['"hidden":"session-id-0123456789ab",', '']) {
      const text = `{${head}"t":${NOW},"m":${JSON.stringify(m)}}`;
      expect(decodeRecord(text, ID)).toEqual(message(head === '' ? m : [ID, OTHER]));
    }
  });
});

// Catches: whatever the cases above do not think of. The seed is named where it fails.
it.each(times(20, (index) => index + 1))(
  'no id is in the log’s text, and all is restored, seed %d',
  (seed) => {
    const random = seededRandom(seed);
    for (let run = 0; run < 25; run += 1) {
      const record = message(randomJson(random, 4), { requests: [randomText(random), 1] });
      const text = encodeRecord(record, ID);
      for (const id of [ID, OTHER, THIRD]) expect(text.includes(id)).toBe(false);
      expect(roundTrip(record)).toEqual(record);
    }
  },
);

const PIECES = [
  ID,
  OTHER,
  THIRD,
  '\n',
  '"',
  '\\',
  'é',
  '\u0000',
  '\u2028',
  '😀',
  '\ud800',
  ' ',
  '/',
  '+',
  '-',
  'a_b',
  '$&',
  '<hidden-',
];

function randomText(random: () => number): string {
  return times(Math.floor(random() * 8), () => PIECES[Math.floor(random() * PIECES.length)]).join('');
}

function randomJson(random: () => number, depth: number): unknown {
  const kind = Math.floor(random() * (depth === 0 ? 4 : 7));
  const size = Math.floor(random() * 4);
  if (kind < 3) return randomText(random);
  if (kind === 3) return [null, true, -1.5e300, 0][size];
  if (kind === 4) return times(size, () => randomJson(random, depth - 1));
  if (kind === 5) return JSON.stringify(randomJson(random, depth - 1));
  return Object.fromEntries(times(size, () => [randomText(random), randomJson(random, depth - 1)]));
}

function placeholderOf(text: string): string {
  return (JSON.parse(text) as { hidden: string }).hidden;
}
