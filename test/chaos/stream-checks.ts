import type { Message, SseEvent } from '../support/sse-connection.ts';
import { CALL_STOPPED } from './answers.ts';
import type { Violation } from './history.ts';
import { messageOf } from './stream-reader.ts';
import {
  ANSWER_PREFIX,
  type Announcement,
  type Listening,
  type OfficialCall,
  type Reading,
  type StreamCall,
} from './stream-records.ts';

/** How the service tells of events that it keeps no longer. */
const GAP = /no longer kept/;
const CANCELLED = -32_800;

/** Whether a call's events came exactly once and in order, none of them another's, and with an end. */
export function checkCall(call: StreamCall): readonly Violation[] {
  const { kind, label, reading, replay } = call;
  const { events, end, refusal } = reading;
  const problems = idProblems(events);
  const messages = messagesOf(events);
  const answer = messages.find(({ method }) => method === undefined);
  const [said, others] = partition(messages, ({ method }) => method === 'notifications/message');
  problems.push(...orderProblems(said, label));
  const questions = others.filter(({ method }) => method !== undefined);
  for (const { method, params } of questions) {
    const isItsOwn = kind === 'elicit' && method === 'elicitation/create' && params.message === label;
    if (!isItsOwn) problems.push(`a message of another call: ${method}`);
  }
  if (questions.length > 1) problems.push('it asked more than once');
  if (others.length - questions.length > 1) problems.push('more than one answer');
  if (answer === undefined) problems.push(...endProblems(end, refusal));
  else problems.push(...answerProblems(call, answer, said.length));
  if (replay !== undefined) problems.push(...replayProblems(reading, replay));
  return problems.map((what) => ({
    what: `stream: ${what}`,
    evidence: [`${kind} ${label}`, ...eventLines(events)],
  }));
}

/** Whether each announcement that was acknowledged came exactly once, in order, and only to its session. */
export function checkListening(
  { session, reading }: Listening,
  announcements: readonly Announcement[],
): readonly Violation[] {
  const problems = idProblems(reading.events);
  const messages = messagesOf(reading.events);
  const texts = messages.map(({ params }) => String(params?.data));
  const isGapAnnounced = messages.some(
    ({ params }) => params?.logger === 'durable-mcp' && GAP.test(params.data),
  );
  const own = new Map(
    announcements.filter((each) => each.session === session).map((each) => [each.text, each]),
  );
  const seen = new Set<string>();
  let latestInvoked = Number.NEGATIVE_INFINITY;
  for (const [index, text] of texts.entries()) {
    const announcement = own.get(text);
    if (announcement === undefined) {
      if (!GAP.test(text))
        problems.push(`a message that nobody sent to this session: ${JSON.stringify(messages[index])}`);
      continue;
    }
    if (seen.has(text)) problems.push(`${text} came twice`);
    seen.add(text);
    if (announcement.outcome === 'fail') problems.push(`${text} came, though it was refused`);
    if (announcement.endedAt < latestInvoked) problems.push(`${text} came after one that was sent later`);
    latestInvoked = Math.max(latestInvoked, announcement.invokedAt);
  }
  for (const { text, outcome } of own.values()) {
    if (outcome === 'ok' && !seen.has(text) && !isGapAnnounced) problems.push(`${text} never came`);
  }
  if (reading.end !== 'open') problems.push(...endProblems(reading.end, reading.refusal));
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

function answerProblems({ kind, label, to }: StreamCall, { result, error }: Message, said: number): string[] {
  if (error !== undefined) {
    const isExplained =
      error.message === CALL_STOPPED ||
      GAP.test(error.message) ||
      (kind === 'cancel' && error.code === CANCELLED);
    return isExplained ? [] : [`it ended with an error that no fault explains: ${JSON.stringify(error)}`];
  }
  const { counted, answer } = result.structuredContent ?? {};
  if (kind === 'elicit')
    return answer === `${ANSWER_PREFIX}${label}` ? [] : [`it was answered with ${JSON.stringify(result)}`];
  if (kind === 'cancel') return [`it was cancelled, and ended with ${JSON.stringify(result)}`];
  return counted === to && said === to ? [] : [`it ended with ${counted} after ${said} messages of ${to}`];
}

function endProblems(end: Reading['end'], refusal: string | undefined): string[] {
  switch (end) {
    case 'refused':
      return [`its resumption was refused: ${refusal}`];
    case 'finished':
      return ['it was said to be finished, and had no answer'];
    case 'open':
      return ['it never ended'];
    default:
      return [];
  }
}

/** Read once more, a stream holds the same. */
function replayProblems(reading: Reading, replay: Reading): string[] {
  const whole = reading.events.filter(({ data }) => data);
  const again = replay.events.filter(({ data }) => data);
  return JSON.stringify(again) === JSON.stringify(whole)
    ? []
    : [`a replay from its first event differs (${replay.end}): ${eventLines(replay.events).join(' ')}`];
}

function idProblems(events: readonly SseEvent[]): string[] {
  const ids = new Set<string>();
  const problems: string[] = [];
  for (const { id, data } of events) {
    if (id === undefined) {
      if (data) problems.push(`a message without an id: ${data}`);
      continue;
    }
    if (ids.has(id)) problems.push(`event ${id} came twice`);
    ids.add(id);
  }
  return problems;
}

function orderProblems(said: readonly Message[], label: string): string[] {
  const wrong = said.findIndex(({ params }, index) => params.data !== `${label} ${index + 1}`);
  return wrong === -1 ? [] : [`message ${wrong + 1} is ${JSON.stringify(said[wrong]?.params.data)}`];
}

function messagesOf(events: readonly SseEvent[]): Message[] {
  return events.flatMap((event) => messageOf(event) ?? []);
}

function partition<T>(all: readonly T[], belongs: (each: T) => boolean): [T[], T[]] {
  return [all.filter(belongs), all.filter((each) => !belongs(each))];
}

function eventLines(events: readonly SseEvent[]): string[] {
  return events.map(({ id = '-', data = '' }) => `${id} ${data}`);
}
