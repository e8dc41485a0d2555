import { expect } from 'vitest';
import type { WireAnswer } from './wire-answers.ts';

/** Stack frames, paths of files, and objects that were taken for text. */
const INTERNALS = /\\n\s+at |node_modules|file:\/\/|\/src\/|\.ts:\d|\[object \w+\]/;

/** What a client sent, as far as an answer depends on it. */
export interface Sent {
  /** The parsed body; `undefined` if it is no JSON. */
  readonly body?: unknown;
  /** Whether it went to a path where no JSON-RPC is spoken. */
  readonly isElsewhere?: boolean | undefined;
  /** What no answer may hold. */
  readonly secrets: readonly string[];
}

/** What every answer must be, whatever was sent. */
export function assertFair(answer: WireAnswer, sent: Sent): void {
  const { status, headers, type, body } = answer;
  if (status === 503) expect(headers.get('retry-after'), body).toBeDefined();
  else expect(status, body).toBeLessThan(500);
  expect(body).not.toMatch(INTERNALS);
  for (const secret of sent.secrets) expect(body).not.toContain(secret);
  if (body === '') return;
  if (type === 'text/event-stream') {
    for (const message of eventsOf(body)) assertMessage(message, sent.body);
    return;
  }
  expect(type, body).toBe('application/json');
  if (sent.isElsewhere === true) return void JSON.parse(body);
  const message: unknown = JSON.parse(body);
  if (status === 200) assertAnswersAll(message, sent.body);
  for (const each of [message].flat()) assertAnswer(each, sent.body);
}

/** The ids of the requests in a body, in the sense of JSON-RPC narrowed by MCP. */
function idsOf(body: unknown): unknown[] {
  return [body].flat().flatMap((message: unknown) => {
    if (typeof message !== 'object' || message === null || !('method' in message)) return [];
    const id = 'id' in message ? message.id : undefined;
    return typeof id === 'string' || Number.isSafeInteger(id) ? [id] : [];
  });
}

/** Each request once, by its very id. */
function assertAnswersAll(message: unknown, body: unknown): void {
  const answered = [message].flat().map((each) => (each as { readonly id?: unknown }).id);
  expect(answered.map(tagged).toSorted()).toEqual(idsOf(body).map(tagged).toSorted());
  expect(Array.isArray(message)).toBe(Array.isArray(body));
}

/** 7 and "7" are two ids. */
function tagged(id: unknown): string {
  return JSON.stringify(id);
}

function assertAnswer(message: unknown, body: unknown): void {
  expect(message).toMatchObject({ jsonrpc: '2.0' });
  const { id, ...answer } = message as Record<string, unknown>;
  expect([null, ...idsOf(body)].map(tagged)).toContain(tagged(id));
  expect('result' in answer).not.toBe('error' in answer);
  if ('result' in answer) expect(answer['result']).toBeTypeOf('object');
  else expect(answer['error']).toMatchObject({ code: expect.any(Number), message: expect.any(String) });
}

/** Streams carry notifications and requests of the server too. */
function assertMessage(message: unknown, body: unknown): void {
  if (typeof (message as { readonly method?: unknown }).method !== 'string') assertAnswer(message, body);
}

function eventsOf(body: string): unknown[] {
  return body
    .split('\n')
    .filter((line) => /^data: ./.test(line))
    .map((line) => JSON.parse(line.slice('data: '.length)) as unknown);
}
