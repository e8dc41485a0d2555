import { describe, expect, it } from 'vitest';
import {
  answer,
  called,
  callGap,
  error,
  eventAt,
  log,
  numbersAt,
  reading,
  said,
  sessionGap,
  whats,
} from './doctored.ts';
import { unexcused } from './excuses.ts';
import { checkCall, checkListening } from './stream-checks.ts';
import { gapOf, type ReadEvent } from './stream-events.ts';
import type { Announcement, StreamCall } from './stream-records.ts';

/** A count to 40, whose numbers are at places 2 to 41, its answer behind them. */
const END = eventAt(42, answer({ counted: 40 }));
const toForty = (...events: ReadEvent[]): StreamCall =>
  called({ to: 40, reading: reading([], { events: [eventAt(1), ...events] }) });
const whole = [...numbersAt(2, 41), END];
const replayed = (...events: ReadEvent[]): StreamCall => ({
  ...toForty(...whole),
  replays: [reading([], { events })],
});

describe('the check of a call’s stream with gaps', () => {
  it.each<[string, StreamCall]>([
    ['a gap, and all behind it', toForty(...numbersAt(2, 5), callGap(6, 20), ...numbersAt(21, 41), END)],
    ['two gaps', toForty(...numbersAt(2, 5), callGap(6, 8), callGap(9, 20), ...numbersAt(21, 41), END)],
    // Two places more than there are messages.
    [
      'a gap in which there were connections too',
      toForty(
        ...numbersAt(2, 5),
        callGap(6, 22),
        ...numbersAt(23, 43, 3),
        eventAt(44, answer({ counted: 40 })),
      ),
    ],
    [
      'a question that may be lost in a gap, whose call is given up',
      called({
        kind: 'elicit',
        to: 0,
        reading: reading([], {
          events: [eventAt(1), callGap(2, 4), eventAt(21, error(-32_800, 'Request cancelled'))],
        }),
      }),
    ],
    [
      'what a reader left out by itself, and finds when it reads again',
      {
        ...toForty(...numbersAt(2, 5), { ...callGap(6, 20), leftOutUpTo: 35 }, ...numbersAt(36, 41), END),
        replays: [reading([], { events: [callGap(2, 26), ...numbersAt(27, 41), END] })],
      },
    ],
    ['a replay with a gap', replayed(callGap(2, 26), ...numbersAt(27, 41), END)],
    [
      'a replay with what was stored twice, and is lost at its first place',
      {
        ...toForty(...numbersAt(2, 26), ...numbersAt(28, 42, 2), eventAt(43, answer({ counted: 40 }))),
        replays: [
          reading([], {
            events: [
              callGap(2, 26),
              eventAt(27, said(25)[0]),
              ...numbersAt(28, 42, 2),
              eventAt(43, answer({ counted: 40 })),
            ],
          }),
        ],
      },
    ],
  ])('passes %s', (_, call) => {
    expect(whats(checkCall(call))).toBe('');
  });

  // Catches: a notice that excuses whatever is missing from its stream.
  it.each<[string, RegExp, StreamCall]>([
    [
      'a message missing before the gap',
      /message 3 is ".* 4"/,
      toForty(...numbersAt(2, 3), ...numbersAt(5, 5), callGap(6, 20), ...numbersAt(21, 41), END),
    ],
    [
      'a message missing behind the gap',
      /message 5 is ".* 21"/,
      toForty(...numbersAt(2, 5), callGap(6, 20), ...numbersAt(22, 41), END),
    ],
    [
      'a message missing where another gap was',
      /message 30 is ".* 31"/,
      toForty(...numbersAt(2, 5), callGap(6, 20), ...numbersAt(21, 30), ...numbersAt(32, 41), END),
    ],
    [
      'an end that is missing',
      /ended with 40 after 39/,
      toForty(...numbersAt(2, 5), callGap(6, 20), ...numbersAt(21, 40), END),
    ],
    [
      'a gap that was not announced',
      /message 5 is ".* 20"/,
      toForty(...numbersAt(2, 5), ...numbersAt(21, 41), END),
    ],
    [
      'a gap that is announced to begin one too late',
      /message 5 is ".* 20"/,
      toForty(...numbersAt(2, 5), callGap(7, 20), ...numbersAt(21, 41), END),
    ],
    [
      'a gap that is announced to end one too early',
      /message 5 is ".* 20"/,
      toForty(...numbersAt(2, 5), callGap(6, 19), ...numbersAt(21, 41), END),
    ],
    [
      'a gap that is announced to begin one too early',
      /behind event 5, events 5 to 20 were said to be lost/,
      toForty(...numbersAt(2, 5), callGap(5, 20), ...numbersAt(21, 41), END),
    ],
    [
      'a gap that is announced to end one too late',
      /\.21 came behind event 21/,
      toForty(...numbersAt(2, 5), callGap(6, 21), ...numbersAt(21, 41), END),
    ],
    [
      'what is announced as lost, and comes',
      /\.6 came behind event 18/,
      toForty(...numbersAt(2, 5), callGap(6, 18), ...numbersAt(6, 41), END),
    ],
    [
      'a gap that need not have been',
      /events 6 to 33 were said to be lost/,
      toForty(...numbersAt(2, 5), callGap(6, 33), ...numbersAt(34, 41), END),
    ],
    [
      'a replay with a gap that ends one too early',
      /a replay lacks .* 25"/,
      replayed(callGap(2, 25), ...numbersAt(27, 41), END),
    ],
    [
      'a replay with a gap that begins one too late',
      /a replay lacks .* 1"/,
      replayed(callGap(3, 26), ...numbersAt(27, 41), END),
    ],
    [
      'a replay with a gap that nobody announces',
      /a replay lacks .* 1"/,
      replayed(...numbersAt(27, 41), END),
    ],
    [
      'a message missing behind what a reader left out',
      /message 5 is ".* 36"/,
      toForty(...numbersAt(2, 5), { ...callGap(6, 20), leftOutUpTo: 35 }, ...numbersAt(37, 41), END),
    ],
    [
      'a replay that has what was said to be lost before what a reader left out',
      /a replay has more: .* 19"/,
      {
        ...toForty(...numbersAt(2, 5), { ...callGap(6, 20), leftOutUpTo: 35 }, ...numbersAt(36, 41), END),
        replays: [reading([], { events: whole })],
      },
    ],
    [
      'a replay that has what was said to be lost',
      /a replay has more: .* 5"/,
      {
        ...toForty(...numbersAt(2, 5), callGap(6, 20), ...numbersAt(21, 41), END),
        replays: [reading([], { events: whole })],
      },
    ],
  ])('finds %s', (_, expected, call) => {
    expect(whats(checkCall(call))).toMatch(expected);
  });
});

describe('the check of a session’s own stream with gaps', () => {
  /** One after the other, a1 at place 1, and so on. */
  const announcements = Array.from(
    { length: 40 },
    (_, index): Announcement => ({
      session: 's0',
      text: `a${index + 1}`,
      invokedAt: 2 * index,
      endedAt: 2 * index + 1,
      outcome: 'ok',
    }),
  );
  const at = (sequence: number, message?: object): ReadEvent => eventAt(sequence, message, 'standalone');
  const announced = (from: number, to: number): ReadEvent[] =>
    Array.from({ length: to - from + 1 }, (_, index) => at(from + index, log(`a${from + index}`)));
  const lost = (from: number, to: number): ReadEvent => at(to, sessionGap(from, to));
  const all = announced(1, 40);
  const check = (events: ReadEvent[], again: ReadEvent[] = all): string =>
    whats(
      checkListening(
        {
          session: 's0',
          reading: reading([], { events, end: 'open' }),
          // Behind all, the connection that it came over.
          replay: reading([], { events: [...again, at(41)], end: 'open' }),
        },
        announcements,
      ),
    );

  it.each<[string, ReadEvent[], ReadEvent[]?]>([
    ['all', all],
    ['a gap', [...announced(1, 4), lost(5, 20), ...announced(21, 40)], [lost(2, 21), ...announced(22, 40)]],
    ['a replay with a gap', all, [lost(2, 24), ...announced(25, 40)]],
  ])('passes %s', (_, events, again) => {
    expect(check(events, again)).toBe('');
  });

  // Catches: a notice that excuses whatever is missing from its stream.
  it.each<[string, RegExp, ReadEvent[], ReadEvent[]?]>([
    [
      'one missing before the gap',
      /a3 never came/,
      [...announced(1, 2), ...announced(4, 4), lost(5, 20), ...announced(21, 40)],
    ],
    [
      'one missing behind the gap',
      /a30 never came/,
      [...announced(1, 4), lost(5, 20), ...announced(21, 29), ...announced(31, 40)],
    ],
    ['no notice', /a5 never came/, [...announced(1, 4), ...announced(21, 40)]],
    [
      'a notice that begins one too late',
      /a20 never came/,
      [...announced(1, 4), lost(6, 20), ...announced(21, 40)],
    ],
    [
      'a notice that ends one too early',
      /a20 never came/,
      [...announced(1, 4), lost(5, 19), ...announced(21, 40)],
    ],
    [
      'a notice that begins one too early',
      /behind event 4, events 4 to 20/,
      [...announced(1, 4), lost(4, 20), ...announced(21, 40)],
    ],
    [
      'a notice that ends one too late',
      /\.21 came behind event 21/,
      [...announced(1, 4), lost(5, 21), ...announced(21, 40)],
    ],
    [
      'one that comes twice',
      /a4 came twice/,
      [...announced(1, 4), at(5, log('a4')), lost(6, 20), ...announced(21, 40)],
    ],
    [
      'a gap that need not have been',
      /events 5 to 32 were said to be lost/,
      [...announced(1, 4), lost(5, 32), ...announced(33, 40)],
    ],
    ['a replay that lacks one', /a replay lacks .*"a25"/, all, [lost(2, 24), ...announced(26, 40)]],
    ['a replay that has one twice', /came behind event 40/, all, [...all, at(40, log('a40'))]],
  ])('finds %s', (_, expected, events, again) => {
    expect(check(events, again)).toMatch(expected);
  });
});

describe('what gaps excuse', () => {
  const missing = (text: string, after: number, before: number) => ({ text, after, before });

  // Catches: a place that is given to one that may be elsewhere, so that the other looks lost without a word.
  it('is as many messages as possible', () => {
    const anywhere = missing('anywhere', 0, Number.POSITIVE_INFINITY);
    expect(
      unexcused(
        [anywhere, missing('early', 0, 6)],
        [
          { from: 5, to: 5 },
          { from: 9, to: 9 },
        ],
      ),
    ).toEqual([]);
    expect(
      unexcused(
        [missing('late', 8, 10), anywhere],
        [
          { from: 5, to: 5 },
          { from: 9, to: 9 },
        ],
      ),
    ).toEqual([]);
  });

  // Catches: one place for several messages, or for one that was certainly elsewhere.
  it('is one message a place, and none beyond', () => {
    const gaps = [{ from: 5, to: 6 }];
    const three = ['a', 'b', 'c'].map((text) => missing(text, 4, 7));
    expect(unexcused(three, gaps)).toHaveLength(1);
    expect(unexcused([missing('before', 0, 5), missing('behind', 6, 9)], gaps)).toHaveLength(2);
  });
});

// Catches: what a tool says being taken for the service's own word.
it('takes for a notice only what the service itself says', () => {
  const text = 'Messages may have been lost: event 2 of this session’s stream are no longer kept.';
  expect(gapOf(eventAt(2, log(text)))).toBeUndefined();
  expect(gapOf(eventAt(2, log(text, 'durable-mcp')))).toEqual({ from: 2, to: 2 });
  expect(gapOf(callGap(3, 9))).toEqual({ from: 3, to: 9 });
});
