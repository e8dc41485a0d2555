import type { Message } from '../support/sse-connection.ts';
import { CALL_STOPPED } from './answers.ts';
import { type MissingMessage, unexcused } from './excuses.ts';
import type { Violation } from './history.ts';
import { endProblems, eventLines, keepingProblems, placeProblems, replayProblems } from './reading-checks.ts';
import { gapOf, gapsIn, messageOf, type ReadEvent, sequenceOf, withoutGaps } from './stream-events.ts';
import {
  ANSWER_PREFIX,
  type Announcement,
  type Listening,
  type OfficialCall,
  type Reading,
  type StreamCall,
} from './stream-records.ts';

const CANCELLED = -32_800;

/** Whether a call's events came exactly once and in order, none of them another's, and with an end. */
export function checkCall(call: StreamCall): readonly Violation[] {
  const { kind, label, reading, replays, epilogue } = call;
  const { events } = reading;
  const problems = placeProblems(events);
  const [first] = events;
  if (first !== undefined && (first.id === undefined || first.data))
    problems.push('it did not begin with an id to resume it with');
  const messages = messagesOf(events);
  const answer = messages.find(({ method }) => method === undefined);
  const [said, others] = partition(messages, ({ method }) => method === 'notifications/message');
  problems.push(...numberProblems(events, label, answer?.result?.structuredContent?.counted));
  const questions = others.filter(({ method }) => method !== undefined);
  for (const { method, params } of questions) {
    const isItsOwn = kind === 'elicit' && method === 'elicitation/create' && params.message === label;
    if (!isItsOwn) problems.push(`a message of another call: ${method}`);
  }
  if (questions.length > 1) problems.push('it asked more than once');
  if (others.length - questions.length > 1) problems.push('more than one answer');
  if (answer === undefined) problems.push(...endProblems(reading));
  else {
    problems.push(...answerProblems(call, answer, said.length));
    problems.push(...keepingProblems(events, lastIn(reading)));
  }
  for (const replay of replays) {
    const found = callReplayProblems(reading, replay);
    if (found.length > 0) problems.push(...found, `the replay: ${eventLines(replay.events).join(' ')}`);
  }
  if (epilogue !== undefined && (epilogue.end !== 'finished' || epilogue.events.length > 0))
    problems.push(
      `behind the end that another instance made there is more, or the stream goes on: ${epilogue.end}`,
    );
  return problems.map((what) => ({
    what: `stream: ${what}`,
    evidence: [`${kind} ${label}`, ...eventLines(events)],
  }));
}

/**
 * Whether each announcement that was acknowledged came exactly once, in order, and only to its session, or may have
 * been where a gap was announced.
 */
export function checkListening(
  { session, reading, replay }: Listening,
  announcements: readonly Announcement[],
): readonly Violation[] {
  const problems = placeProblems(reading.events);
  const own = new Map(
    announcements.filter((each) => each.session === session).map((each) => [each.text, each]),
  );
  const seen = new Map<string, number>();
  let latestInvoked = Number.NEGATIVE_INFINITY;
  for (const event of withoutGaps(reading.events)) {
    const message = messageOf(event);
    if (message === undefined) continue;
    const text = String(message.params?.data);
    const announcement = own.get(text);
    if (announcement === undefined) {
      problems.push(`a message that nobody sent to this session: ${JSON.stringify(message)}`);
      continue;
    }
    if (seen.has(text)) problems.push(`${text} came twice`);
    else seen.set(text, sequenceOf(event) ?? 0);
    if (announcement.outcome === 'fail') problems.push(`${text} came, though it was refused`);
    if (announcement.endedAt < latestInvoked) problems.push(`${text} came after one that was sent later`);
    latestInvoked = Math.max(latestInvoked, announcement.invokedAt);
  }
  for (const { text } of unexcused(missing([...own.values()], seen), gapsIn(reading.events)))
    problems.push(`${text} never came, and no gap was announced where it must have been`);
  if (reading.end !== 'open') problems.push(...endProblems(reading));
  problems.push(...rereadingProblems(reading, replay));
  return problems.map((what) => ({ what: `session’s own stream: ${what}`, evidence: [session] }));
}

/** What the official client passed on must be the beginning of what was said, and all of it with an answer. */
export function checkOfficialCall({ label, to, said, counted }: OfficialCall): readonly Violation[] {
  const problems: string[] = [];
  if (said.some((each, index) => each !== `${label} ${index + 1}`))
    problems.push('not each message once and in order');
  if (counted !== undefined && (counted !== to || said.length !== to))
    problems.push(`${said.length} messages of ${to}, and an answer`);
  return problems.map((what) => ({
    what: `official client: ${what}`,
    evidence: [label, JSON.stringify(said)],
  }));
}

/**
 * Whether a count has no holes, but for as many numbers as the gaps that were announced there have room for.
 * @param counted the last number, where the call says so
 */
function numberProblems(events: readonly ReadEvent[], label: string, counted: number | undefined): string[] {
  let next = 1;
  let room = 0;
  for (const event of events) {
    const gap = gapOf(event);
    const message = messageOf(event);
    if (gap !== undefined) room += (event.leftOutUpTo ?? gap.to) - gap.from + 1;
    else if (message?.method === 'notifications/message') {
      const data = String(message.params.data);
      const number = data.startsWith(`${label} `) ? Number(data.slice(label.length + 1)) : Number.NaN;
      if (!(number >= next && number <= next + room)) return [`message ${next} is ${JSON.stringify(data)}`];
      next = number + 1;
      room = 0;
    }
  }
  if (counted === undefined || (counted >= next - 1 && counted < next + room)) return [];
  return [`it ended with ${counted} after ${next - 1}, and a gap of ${room}`];
}

function answerProblems(
  { kind, label, to, reading }: StreamCall,
  { result, error }: Message,
  said: number,
): string[] {
  if (error !== undefined) {
    // Whose question is lost in a gap cancels the call.
    const mayBeCancelled = kind === 'cancel' || (kind === 'elicit' && gapsIn(reading.events).length > 0);
    const isExplained = error.message === CALL_STOPPED || (mayBeCancelled && error.code === CANCELLED);
    return isExplained ? [] : [`it ended with an error that no fault explains: ${JSON.stringify(error)}`];
  }
  const { counted, answer } = result.structuredContent ?? {};
  if (kind === 'elicit')
    return answer === `${ANSWER_PREFIX}${label}` ? [] : [`it was answered with ${JSON.stringify(result)}`];
  if (kind === 'cancel') return [`it was cancelled, and ended with ${JSON.stringify(result)}`];
  return counted === to ? [] : [`it ended with ${counted} after ${said} messages of ${to}`];
}

/** Between which events of the stream each must have been, by what was sent before it and after it. */
function missing(own: readonly Announcement[], seen: ReadonlyMap<string, number>): readonly MissingMessage[] {
  const came = own.flatMap((each) => {
    const place = seen.get(each.text);
    return place === undefined ? [] : [{ ...each, place }];
  });
  return own
    .filter(({ text, outcome }) => outcome === 'ok' && !seen.has(text))
    .map(({ text, invokedAt, endedAt }) => ({
      text,
      after: Math.max(0, ...came.filter((each) => each.endedAt < invokedAt).map(({ place }) => place)),
      before: Math.min(
        Number.POSITIVE_INFINITY,
        ...came.filter((each) => each.invokedAt > endedAt).map(({ place }) => place),
      ),
    }));
}

function callReplayProblems(reading: Reading, replay: Reading): string[] {
  if (replay.end !== 'answered') return [`a replay had no answer, and ended as ${replay.end}`];
  return [...replayProblems(reading, replay), ...keepingProblems(replay.events, lastIn(reading))];
}

/** A call whose outcome was unknown may have been announced after the reading was over. */
function rereadingProblems(reading: Reading, replay: Reading): string[] {
  const upTo = lastIn(reading);
  const events = replay.events.filter(
    (event) => (sequenceOf(event) ?? 0) <= upTo || gapOf(event) !== undefined,
  );
  return [
    ...endProblems({ ...replay, end: replay.end === 'open' ? 'answered' : replay.end }),
    ...replayProblems(reading, { ...replay, events }),
    ...keepingProblems(reading.events, lastIn(replay)),
    ...keepingProblems(replay.events, lastIn(replay)),
  ];
}

/** The last event that was given. */
function lastIn({ events }: Reading): number {
  return Math.max(0, ...events.map((event) => sequenceOf(event) ?? 0));
}

function messagesOf(events: readonly ReadEvent[]): Message[] {
  return withoutGaps(events).flatMap((event) => messageOf(event) ?? []);
}

function partition<T>(all: readonly T[], belongs: (each: T) => boolean): [T[], T[]] {
  return [all.filter(belongs), all.filter((each) => !belongs(each))];
}
