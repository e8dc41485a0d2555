import type { SseEvent } from '../support/sse-connection.ts';
import type { Violation } from './history.ts';
import type { Reading, StreamCall } from './stream-records.ts';

/** Histories made up, for tests of what checks them. */
export const LABEL = 's0/c/1';
const STREAM = `call-${'0'.repeat(16)}-${'1'.repeat(16)}`;

export const log = (data: unknown, logger?: string): object => ({
  method: 'notifications/message',
  params: { level: 'info', data, logger },
});
export const answer = (structuredContent: object): object => ({ id: LABEL, result: { structuredContent } });
export const error = (code: number, message: string): object => ({ id: LABEL, error: { code, message } });
export const question = (message: string): object => ({
  id: 'q',
  method: 'elicitation/create',
  params: { message },
});

/** What a call says that counts. */
export const said = (...numbers: number[]): object[] => numbers.map((number) => log(`${LABEL} ${number}`));

/** Without a message, it only has an id. */
export const eventAt = (sequence: number, message?: object, stream = STREAM): SseEvent => ({
  id: `${stream}.${sequence}`,
  data: message === undefined ? '' : JSON.stringify(message),
});

/** Each message as an event of its own, behind one that only has an id. */
export const eventsOf = (...messages: object[]): SseEvent[] => [
  eventAt(1),
  ...messages.map((each, index) => eventAt(index + 2, each)),
];

/** A count's numbers from one place to another, each `shift` less than its place. */
export const numbersAt = (from: number, to: number, shift = 1): SseEvent[] =>
  Array.from({ length: to - from + 1 }, (_, index) => eventAt(from + index, said(from + index - shift)[0]));

/** As a call's client is told of a gap. */
export const callGap = (from: number, to: number): SseEvent => ({
  id: `${STREAM}.end`,
  data: JSON.stringify(
    error(-32_000, `The ${nameOf(from, to)} of this call’s stream are no longer kept: call again.`),
  ),
});

/** As a session's client is told of one. */
export const sessionGap = (from: number, to: number): object =>
  log(
    `Messages may have been lost: ${nameOf(from, to)} of this session’s stream are no longer kept.`,
    'durable-mcp',
  );

export const reading = (messages: readonly object[], overrides: Partial<Reading> = {}): Reading => ({
  events: eventsOf(...messages),
  resumptions: 1,
  end: 'answered',
  ...overrides,
});

export const called = (overrides: Partial<StreamCall> = {}): StreamCall => ({
  kind: 'count',
  session: 's0',
  label: LABEL,
  to: 2,
  reading: reading([...said(1, 2), answer({ counted: 2 })]),
  replays: [],
  ...overrides,
});

export const whats = (violations: readonly Violation[]): string =>
  violations.map(({ what }) => what).join('\n');

function nameOf(from: number, to: number): string {
  return from === to ? `event ${from}` : `events ${from} to ${to}`;
}
