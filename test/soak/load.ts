import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { times } from '../contract/fixtures.ts';
import { RawSession } from '../support/raw-session.ts';
import { post, toolCall } from '../support/service.ts';
import { type Message, SseConnection } from '../support/sse-connection.ts';
import { statelessCall } from '../support/stateless-request.ts';

/** What one client does with two instances; throws where an answer is not what it must be. */
type Visit = (here: string, there: string) => Promise<void>;

/** Between two visits of one client, in ms: the load is steady, and leaves the machine room. */
const BREATH_MS = 40;

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

/** By what it is called in the table of what was done. */
export const VISITS: Readonly<Record<string, Visit>> = {
  'opened and closed': async (here, there) => {
    const session = await RawSession.open(here);
    for (const key of ['a', 'b', 'a']) await call(session, here, 'store_value', { key, value: randomUUID() });
    await call(session, here, 'store_value', { key: 'a', value: 'last' });
    expectStructured(await call(session, there, 'get_value', { key: 'a' }), { value: 'last', version: 3 });
    await call(session, there, 'list_values');
    await session.terminate(there);
  },

  abandoned: async (here) => {
    const session = await RawSession.open(here);
    const value = 'x'.repeat(1_000);
    expectStructured(await call(session, here, 'store_value', { key: 'k', value }), { stored: true });
  },

  'only opened': async (here) => {
    await RawSession.open(here);
  },

  'of 2026-07-28': async (here, there) => {
    const opened = await statelessResult(here, 'open_session', { ttl_seconds: 15, values: { k: 1 } });
    const session_id: unknown = opened.result?.structuredContent?.session_id;
    const write = { session_id, key: 'k', value: 2, idempotency_key: randomUUID() };
    for (const url of [here, there]) {
      expectStructured(await statelessResult(url, 'store_value', write), { version: 2 });
    }
    if (Math.random() < 0.5) await statelessResult(there, 'close_session', { session_id });
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
  },

  'notifications, heard elsewhere': async (here, there) => {
    const session = await RawSession.open(here);
    const listening = await session.listen(there);
    for (const text of ['one', 'two']) expectStructured(await call(session, here, 'announce', { text }), {});
    await listening.until(() => listening.said.length === 2, 'both notifications', PATIENCE_MS);
    listening.close();
    if (Math.random() < 0.5) await session.terminate(there);
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
  },
};

/** How often each visit was made, and what went wrong. */
export interface LoadReport {
  readonly visits: ReadonlyMap<string, number>;
  readonly failures: readonly string[];
}

/** More than the sessions whose servers an instance keeps ready: from then on each new one takes an old one's place. */
const SERVERS_KEPT = 1_100;

/** Brings both instances to where their caches are full, which may take as much memory as it does. */
export async function fillCaches(urls: readonly string[], clients: number): Promise<void> {
  for (const url of urls) {
    let left = SERVERS_KEPT;
    await Promise.all(
      times(clients, async () => {
        while (left > 0) {
          left -= 1;
          await RawSession.open(url);
        }
      }),
    );
  }
}

/** Makes visits with as many clients at a time, until `signal`. */
export async function runLoad(options: {
  readonly urls: readonly [string, string];
  readonly clients: number;
  readonly random: () => number;
  readonly signal: AbortSignal;
}): Promise<LoadReport> {
  const { random, signal } = options;
  const [first, second] = options.urls;
  const visits = new Map(Object.keys(VISITS).map((name) => [name, 0]));
  const failures: string[] = [];
  const names = Object.keys(VISITS);
  const client = async (): Promise<void> => {
    while (!signal.aborted) {
      const name = names[Math.floor(random() * names.length)] ?? '';
      try {
        await (random() < 0.5 ? VISITS[name]?.(first, second) : VISITS[name]?.(second, first));
        visits.set(name, (visits.get(name) ?? 0) + 1);
      } catch (error) {
        failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
      await pause(BREATH_MS);
    }
  };
  await Promise.all(times(options.clients, client));
  return { visits, failures };
}
