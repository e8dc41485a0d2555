import type { RawClient, Reply } from '../support/raw-client.ts';
import type { Message } from '../support/sse-connection.ts';
import { type Answer, answerOfReply } from './answers.ts';
import type { Chance } from './chance.ts';
import type { History } from './history.ts';
import { pause } from './pause.ts';
import { StreamReader } from './stream-reader.ts';
import { ANSWER_PREFIX, type Reading, type StreamCall } from './stream-records.ts';
import type { ToolCaller } from './tool-callers.ts';

/** For the head of an answer, and for what is answered at once. */
const HEAD_MS = 8_000;
const RETRY_MS = 100;
/** So far that such a call is not over by itself before the run is. */
const FAR = 50_000;

export interface StreamClientOptions {
  readonly session: string;
  readonly name: string;
  readonly client: RawClient;
  readonly call: ToolCaller;
  readonly chance: Chance;
  readonly history: History;
  /** Until when streams are read; Unix milliseconds. */
  readonly deadline: () => number;
}

/** Makes calls that take long, talk, ask and are cancelled, and breaks their connections itself. */
export class StreamClient {
  readonly #options: StreamClientOptions;

  constructor(options: StreamClientOptions) {
    this.#options = options;
  }

  /** Does one thing. */
  act(): Promise<void> {
    const { chance } = this.#options;
    const kinds = ['announce', 'announce', 'announce', 'count', 'count', 'elicit', 'cancel'] as const;
    switch (chance.pick(kinds)) {
      case 'announce':
        return this.#announce();
      case 'count': {
        const to = chance.between(3, 30);
        return this.#call('count', 'count', { to, delay_ms: chance.between(5, 60) });
      }
      case 'elicit':
        return this.#call('elicit', 'ask', {});
      case 'cancel':
        return this.#call('cancel', 'count', { to: FAR, delay_ms: 25 });
    }
  }

  async #announce(): Promise<void> {
    const { session, name, call, history } = this.#options;
    const text = `${session}/${name}/${history.nextId()}`;
    const invokedAt = history.now();
    const answer = await call('announce', { text });
    if (answer.kind === 'wrong') {
      history.violation('an answer that no fault explains, to announce', `${text}: ${answer.why}`);
    }
    const outcome = answer.kind === 'ok' || answer.kind === 'fail' ? answer.kind : 'unknown';
    const endedAt = outcome === 'unknown' ? Number.POSITIVE_INFINITY : history.now();
    history.announcements.push({ session, text, invokedAt, endedAt, outcome });
    history.count('announce', outcome);
  }

  async #call(kind: StreamCall['kind'], tool: string, args: Record<string, unknown>): Promise<void> {
    const { session, name, client, chance, history, deadline } = this.#options;
    const label = `${session}/${name}/${history.nextId()}`;
    const named = kind === 'elicit' ? { message: label } : { label };
    const params = { name: tool, arguments: { ...args, ...named } };
    const reply = await this.#post({ jsonrpc: '2.0', id: label, method: 'tools/call', params });
    if (reply === undefined) return history.count(kind, 'unknown');
    if (reply.stream === undefined) return this.#unstreamed(kind, label, answerOfReply(reply, label));
    let posting: Promise<void> | undefined;
    const reader = new StreamReader({
      client,
      requestId: label,
      deadline,
      cuts: () => chance.is(0.08),
      onMessage: (message) => {
        const toPost = kind === 'cancel' ? cancellation(label) : answerTo(message, label);
        if (toPost !== undefined) posting ??= this.#postUntilTaken(toPost);
      },
    });
    const reading = await reader.read(reply.stream);
    await posting;
    const replay = chance.is(0.3) ? await this.#replay(label, reading, reader.firstEventId) : undefined;
    history.calls.push({ kind, session, label, to: Number(args['to'] ?? 0), reading, replay });
    const isOk = reader.answer?.result !== undefined || (kind === 'cancel' && reading.end === 'answered');
    history.count(kind, isOk ? 'ok' : 'unknown');
  }

  async #replay(label: string, { end }: Reading, from: string | undefined): Promise<Reading | undefined> {
    if (end !== 'answered' || from === undefined) return undefined;
    const { client, deadline } = this.#options;
    return new StreamReader({ client, requestId: label, deadline }, from).read();
  }

  #unstreamed(kind: StreamCall['kind'], label: string, answer: Answer): void {
    const { history } = this.#options;
    if (answer.kind === 'fail' || answer.kind === 'unknown') history.count(kind, answer.kind);
    else history.violation(`an answer that no fault explains, to ${kind}`, label, answer);
  }

  /** Posts what is to be taken, however often that takes. */
  async #postUntilTaken(message: Message): Promise<void> {
    const { deadline, history } = this.#options;
    while (Date.now() < deadline()) {
      const reply = await this.#post({ jsonrpc: '2.0', ...message });
      if (reply?.status === 202) return;
      if (reply !== undefined && reply.status !== 502 && reply.status !== 503)
        return history.violation('a message to the server was refused', message, reply.status, reply.body);
      await pause(RETRY_MS);
    }
  }

  /** @returns `undefined` where the connection broke */
  async #post(message: object): Promise<Reply | undefined> {
    const cut = new AbortController();
    const timer = setTimeout(() => cut.abort(), HEAD_MS);
    try {
      return await this.#options.client.post(message, undefined, cut);
    } catch {
      // Its caller counts that as an unknown outcome, or posts again.
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}

function cancellation(requestId: string): Message {
  return { method: 'notifications/cancelled', params: { requestId, reason: 'enough' } };
}

function answerTo({ method, id }: Message, label: string): Message | undefined {
  if (method !== 'elicitation/create' || id === undefined) return undefined;
  return { id, result: { action: 'accept', content: { answer: `${ANSWER_PREFIX}${label}` } } };
}
