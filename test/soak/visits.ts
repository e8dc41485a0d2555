import { randomUUID } from 'node:crypto';
import { times } from '../contract/fixtures.ts';
import { RawSession } from '../support/raw-session.ts';
import { post, toolCall } from '../support/service.ts';
import { type Message, SseConnection } from '../support/sse-connection.ts';
import { statelessCall } from '../support/stateless-request.ts';

/**
 * What one client does with two instances in one session of its own.
 * @returns how many calls that took
 * @throws where an answer is not what it must be
 */
export type Visit = (here: string, there: string) => Promise<number>;

/** For what comes by a signal, or by the next look: on a busy machine too. */
const PATIENCE_MS = 60_000;

async function answered(stream: SseConnection, id: string): Promise<Message> {
  const find = () => stream.answers.find((answer) => answer.id === id);
  await stream.until(() => find() !== undefined, `the answer to ${id}`, PATIENCE_MS);
  return find() as Message;
}

function expectStructured({ result, error }: Message, expected: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(expected)) {
    if (JSON.stringify(result?.structuredContent?.[name]) !== JSON.stringify(value)) {
      throw new Error(`expected ${name} ${JSON.stringify(value)}, got ${JSON.stringify(error ?? result)}`);
    }
  }
}

/** An answer, which is a stream where the call took long. */
async function answerOf(response: Response): Promise<Message> {
  if (response.headers.get('content-type') !== 'text/event-stream' || response.body === null) {
    return (await response.json()) as Message;
  }
  const stream = new SseConnection(response.body, new AbortController());
  await stream.end();
  return stream.answers.at(-1) as Message;
}

async function call(session: RawSession, url: string, name: string, args: object = {}): Promise<Message> {
  return answerOf(await session.post(url, toolCall(name, { ...args })));
}

async function statelessResult(url: string, name: string, args: Record<string, unknown>): Promise<Message> {
  return answerOf(await fetch(url, statelessCall(name, args)));
}

/** Opens a session, stores that many values, and does not come back. */
export async function leaveSession(url: string, keys: number): Promise<void> {
  const session = await RawSession.open(url);
  for (const key of times(keys, (index) => `k${index}`)) {
    const value = 'x'.repeat(1_000);
    expectStructured(await call(session, url, 'store_value', { key, value }), { stored: true });
  }
}

/** Those that cost little, by what they are called in the report. */
export const BRIEF_VISITS = {
  'called once and closed': async (here, there) => {
    const session = await RawSession.open(here);
    expectStructured(await call(session, here, 'store_value', { key: 'k', value: 1 }), { version: 1 });
    await session.terminate(there);
    return 1;
  },

  abandoned: async (here) => {
    await leaveSession(here, 1);
    return 1;
  },

  'only opened': async (here) => {
    await RawSession.open(here);
    return 0;
  },
} satisfies Readonly<Record<string, Visit>>;

/** All that an instance does, by what they are called in the report. */
export const FULL_VISITS = {
  'opened and closed': async (here, there) => {
    const session = await RawSession.open(here);
    for (const key of ['a', 'b', 'a']) await call(session, here, 'store_value', { key, value: randomUUID() });
    await call(session, here, 'store_value', { key: 'a', value: 'last' });
    expectStructured(await call(session, there, 'get_value', { key: 'a' }), { value: 'last', version: 3 });
    await call(session, there, 'list_values');
    await session.terminate(there);
    return 6;
  },

  'of 2026-07-28': async (here, there) => {
    const opened = await statelessResult(here, 'open_session', { ttl_seconds: 15, values: { k: 1 } });
    const session_id: unknown = opened.result?.structuredContent?.session_id;
    const write = { session_id, key: 'k', value: 2, idempotency_key: randomUUID() };
    for (const url of [here, there]) {
      expectStructured(await statelessResult(url, 'store_value', write), { version: 2 });
    }
    if (Math.random() < 0.5) return 3;
    await statelessResult(there, 'close_session', { session_id });
    return 4;
  },

  'a call as a stream, resumed': async (here, there) => {
    const session = await RawSession.open(here);
    const cut = await session.stream(here, 'count', 'count', { to: 12, delay_ms: 15 });
    await cut.untilSaid(3);
    cut.close();
    const resumed = await session.listen(there, cut.lastEventId);
    expectStructured(await answered(resumed, 'count'), { counted: 12 });
    const said = [...cut.said, ...resumed.said];
    if (JSON.stringify(said) !== JSON.stringify(times(12, (index) => index + 1))) {
      throw new Error(`not every number once: ${JSON.stringify(said)}`);
    }
    await session.terminate(here);
    return 1;
  },

  'notifications, heard elsewhere': async (here, there) => {
    const session = await RawSession.open(here);
    const listening = await session.listen(there);
    for (const text of ['one', 'two']) expectStructured(await call(session, here, 'announce', { text }), {});
    await listening.until(() => listening.said.length === 2, 'both notifications', PATIENCE_MS);
    listening.close();
    if (Math.random() < 0.5) await session.terminate(there);
    return 2;
  },

  'cancelled elsewhere': async (here, there) => {
    const session = await RawSession.open(here);
    const abort = new AbortController();
    const response = await fetch(here, {
      ...post(toolCall('hang', {}, 'hang'), { 'Mcp-Session-Id': session.id }),
      signal: abort.signal,
    });
    if (response.body === null) throw new Error(`no stream, but ${response.status}`);
    const hanging = new SseConnection(response.body, abort);
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'hang' } };
    await session.post(there, cancelled);
    await hanging.over(PATIENCE_MS);
    await session.terminate(there);
    return 1;
  },
} satisfies Readonly<Record<string, Visit>>;
