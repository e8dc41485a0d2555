import { describe, expect, it } from 'vitest';
import { CALL_STOPPED } from './answers.ts';
import { answer, called, error, eventAt, LABEL, log, question, reading, said, whats } from './doctored.ts';
import { checkCall, checkListening, checkOfficialCall } from './stream-checks.ts';
import type { Announcement, StreamCall } from './stream-records.ts';

describe('the check of a call’s stream', () => {
  it.each<[string, StreamCall]>([
    ['all of it', called()],
    [
      'a replay with marks of its own',
      called({
        reading: reading([], {
          events: [
            eventAt(1),
            eventAt(2, said(1)[0]),
            eventAt(4, said(2)[0]),
            eventAt(5, answer({ counted: 2 })),
          ],
        }),
        replays: [
          reading([], {
            events: [
              eventAt(2, said(1)[0]),
              eventAt(3),
              eventAt(4, said(2)[0]),
              eventAt(5, answer({ counted: 2 })),
            ],
          }),
        ],
      }),
    ],
    [
      'an instance that died',
      called({
        reading: reading([...said(1), error(-32_000, CALL_STOPPED)]),
        epilogue: reading([], { events: [], end: 'finished' }),
      }),
    ],
    [
      'a cancelled call',
      called({ kind: 'cancel', reading: reading([...said(1), error(-32_800, 'Request cancelled')]) }),
    ],
    [
      'a connection that broke before there was an id',
      called({ reading: reading([], { events: [], end: 'not resumable' }) }),
    ],
    [
      'a question and its answer',
      called({
        kind: 'elicit',
        to: 0,
        reading: reading([question(LABEL), answer({ answer: `answer to ${LABEL}` })]),
      }),
    ],
  ])('passes %s', (_, call) => {
    expect(whats(checkCall(call))).toBe('');
  });

  // Catches: a check that a stream passes which lost, doubled or mixed up what was said.
  it.each<[string, RegExp, StreamCall]>([
    [
      'an event left out on resumption',
      /message 2 is "s0\/c\/1 3"/,
      called({ to: 3, reading: reading([...said(1, 3), answer({ counted: 3 })]) }),
    ],
    [
      'the last event left out',
      /ended with 2 after 1,/,
      called({ reading: reading([...said(1), answer({ counted: 2 })]) }),
    ],
    [
      'an event given twice',
      /\.2 came behind event 2/,
      called({
        reading: reading([], {
          events: [...called().reading.events.slice(0, 2), ...called().reading.events.slice(1)],
        }),
      }),
    ],
    [
      'a message appended twice',
      /message 2 is/,
      called({ reading: reading([...said(1, 1, 2), answer({ counted: 2 })]) }),
    ],
    [
      'messages in another order',
      /message 1 is/,
      called({ reading: reading([...said(2, 1), answer({ counted: 2 })]) }),
    ],
    [
      'another session’s message',
      /message 1 is "s1/,
      called({ reading: reading([log('s1/c/1 1'), ...said(2), answer({ counted: 2 })]) }),
    ],
    [
      'two answers',
      /more than one answer/,
      called({ reading: reading([...said(1, 2), answer({ counted: 2 }), answer({ counted: 2 })]) }),
    ],
    [
      'a message without an id',
      /without an id/,
      called({
        reading: reading([], { events: called().reading.events.map(({ data = '' }) => ({ data })) }),
      }),
    ],
    ['an end without an answer', /had no answer/, called({ reading: reading(said(1), { end: 'finished' }) })],
    ['no end', /never ended/, called({ reading: reading(said(1), { end: 'open' }) })],
    [
      'a resumption that was refused',
      /refused: 400/,
      called({ reading: reading(said(1), { end: 'refused', refusal: '400' }) }),
    ],
    [
      'an error of its own making',
      /no fault explains/,
      called({ reading: reading([error(-32_603, 'Internal error')]) }),
    ],
    ['a cancelled call that goes on to its end', /was cancelled/, called({ kind: 'cancel' })],
    [
      'a call that is cancelled for another',
      /no fault explains/,
      called({ reading: reading([error(-32_800, 'Request cancelled')]) }),
    ],
    [
      'the answer to another question',
      /answered with/,
      called({ kind: 'elicit', reading: reading([question(LABEL), answer({ answer: 'answer to s1/c/1' })]) }),
    ],
    [
      'another call’s question',
      /another call/,
      called({
        kind: 'elicit',
        reading: reading([question('s1/c/1'), answer({ answer: `answer to ${LABEL}` })]),
      }),
    ],
    [
      'a question asked twice',
      /more than once/,
      called({
        kind: 'elicit',
        reading: reading([question(LABEL), question(LABEL), answer({ answer: `answer to ${LABEL}` })]),
      }),
    ],
    [
      'a first event without an id',
      /did not begin with an id/,
      called({ reading: reading([], { events: called().reading.events.slice(1) }) }),
    ],
    [
      'a break after events of which none had an id',
      /it broke after events/,
      called({ reading: reading([], { events: [{ data: '' }], end: 'not resumable' }) }),
    ],
    [
      'an end in order before there was an id',
      /the service ended it/,
      called({ reading: reading([], { events: [], end: 'ended without an id' }) }),
    ],
    [
      'a replay without an event',
      /a replay lacks .*s0\/c\/1 2/,
      called({ replays: [reading([...said(1), answer({ counted: 2 })])] }),
    ],
    [
      'a replay with one more event',
      /a replay has more: .*s0\/c\/1 3/,
      called({ replays: [reading([...said(1, 2), answer({ counted: 2 }), ...said(3)])] }),
    ],
    [
      'a replay in another order',
      /a replay has at 2 what was at 3/,
      called({ replays: [reading([...said(2, 1), answer({ counted: 2 })])] }),
    ],
    [
      'something behind the end that another instance made',
      /behind the end that another instance made/,
      called({
        reading: reading([...said(1), error(-32_000, CALL_STOPPED)]),
        epilogue: reading([], { events: [], end: 'open' }),
      }),
    ],
    [
      'a replay without an end',
      /a replay had no answer/,
      called({ replays: [reading([...said(1, 2), answer({ counted: 2 })], { end: 'open' })] }),
    ],
  ])('finds %s', (_, expected, call) => {
    expect(whats(checkCall(call))).toMatch(expected);
  });
});

describe('the check of a session’s own stream', () => {
  const announced = (text: string, at: number, outcome: Announcement['outcome'] = 'ok'): Announcement => ({
    session: 's0',
    text,
    invokedAt: at,
    endedAt: outcome === 'unknown' ? Number.POSITIVE_INFINITY : at + 1,
    outcome,
  });
  const all = [announced('a', 0), announced('b', 2, 'unknown'), announced('c', 4), announced('d', 6, 'fail')];
  const check = (...messages: object[]): string => {
    const own = reading(messages, { end: 'open' });
    return whats(checkListening({ session: 's0', reading: own, replay: own }, all));
  };

  it.each([
    ['all', [log('a'), log('b'), log('c')]],
    ['all but one that is unknown', [log('a'), log('c')]],
    ['an unknown one that comes late', [log('a'), log('c'), log('b')]],
  ])('passes %s', (_, messages) => {
    expect(check(...messages)).toBe('');
  });

  // Catches: a check that asks only whether anything came.
  it.each([
    ['a lost one', /c never came/, [log('a')]],
    ['one that came twice', /a came twice/, [log('a'), log('a'), log('c')]],
    ['another order', /a came after/, [log('c'), log('a')]],
    ['one that was refused', /d came, though/, [log('a'), log('c'), log('d')]],
    ['another session’s', /nobody sent to this session: .*s1\/x/, [log('a'), log('c'), log('s1/x')]],
  ])('finds %s', (_, expected, messages) => {
    expect(check(...messages)).toMatch(expected);
  });
});

describe('the check of the official client’s calls', () => {
  const seen = (counted: number | undefined, ...numbers: number[]): string =>
    whats(
      checkOfficialCall({ label: LABEL, to: 3, said: numbers.map((each) => `${LABEL} ${each}`), counted }),
    );

  it('passes all of it, and a beginning where there is no answer', () => {
    expect([seen(3, 1, 2, 3), seen(undefined, 1), seen(undefined)]).toEqual(['', '', '']);
  });

  // Catches: a check that takes an answer for all.
  it('finds what is missing, doubled or out of order', () => {
    for (const numbers of [
      [1, 3],
      [1, 2],
      [1, 2, 2, 3],
      [2, 1, 3],
    ])
      expect(seen(3, ...numbers)).not.toBe('');
    expect(seen(undefined, 2)).not.toBe('');
  });
});
