import type { RawClient, Reply } from '../support/raw-client.ts';
import type { Message, SseEvent } from '../support/sse-connection.ts';
import { type Answer, answerOfReply, CALL_STOPPED } from './answers.ts';
import type { Chance } from './chance.ts';
import type { History } from './history.ts';
import { pause } from './pause.ts';
import { gapOf, messageOf } from './stream-events.ts';
import { StreamReader } from './stream-reader.ts';
import { ANSWER_PREFIX, type StreamCall } from './stream-records.ts';
import type { ToolCaller } from './tool-callers.ts';

/** For the head of an answer, and for what is answered at once. */
const HEAD_MS = 8_000;
const RETRY_MS = 100;
/** So far that such a call is not over by itself before the run is. */
const FAR = 50_000;
/** After each event, of breaking the connection. */
const CUT_PROBABILITY = 0.08;
/** For which the reader of a long count goes away, once. */
const AWAY_MS = [2_000, 4_000] as const;
/** For the answer that there is no more. */
const EPILOGUE_MS = 10_000;
/** Of the calls that are read a second time at once. */
const REPLAYED_SHARE = 0.3;

export interface StreamClientOptions {
  readonly session: string;
  readonly name: string;
  readonly client: RawClient;
  readonly call: ToolCaller;
  readonly chance: Chance;
  readonly history: History;
  /** Until when streams are read; Unix milliseconds. */
  readonly deadline: () => number;
  /** Has more said than a stream keeps while it is away or reads it again, and does nothing else: that takes long. */
  readonly isOftenAway?: boolean;
}

/** Makes calls that take long, talk, ask and are cancelled, and breaks their connections itself. */
export class StreamClient {
  readonly #options: StreamClientOptions;
  /** Calls that another instance ended, since it took theirs for dead. */
  readonly #stopped: { readonly call: StreamCall; readonly firstEventId: string }[] = [];

  /** It comes back at once. */
  readonly #cuts = (): number | undefined => (this.#options.chance.is(CUT_PROBABILITY) ? 0 : undefined);

  constructor(options: StreamClientOptions) {
    this.#options = options;
  }

  /** Does one thing. */
  act(): Promise<void> {
    const { chance, isOftenAway = false } = this.#options;
    if (isOftenAway) return this.#countWhileAway();
    const kinds = ['announce', 'announce', 'announce', 'count', 'count', 'elicit', 'cancel'] as const;
    switch (chance.pick(kinds)) {
      case 'announce':
        return this.announce().then(() => {});
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

  #countWhileAway(): Promise<void> {
    const { chance } = this.#options;
    let hasLeft = false;
    const leavesFor = (): number | undefined => {
      if (hasLeft || !chance.is(0.3)) return undefined;
      hasLeft = true;
      return chance.between(...AWAY_MS);
    };
    return this.#call('count', 'count', { to: chance.between(45, 70), delay_ms: 5 }, leavesFor);
  }

  /** Sends one message to the session's own stream. @returns what it says, if it was taken */
  async announce(): Promise<string | undefined> {
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
    return outcome === 'ok' ? text : undefined;
  }

  /**
   * Reads once more what other instances ended. An owner that lived after all must not have said anything since, and
   * has had the time for it.
   */
  async readStoppedAgain(): Promise<void> {
    const { client } = this.#options;
    for (const { call, firstEventId } of this.#stopped.splice(0)) {
      if (Date.now() >= this.#options.deadline()) return;
      await this.#replay(call, firstEventId);
      // Whatever was said behind the end would be the newest event in its place.
      const deadline = Math.min(this.#options.deadline(), Date.now() + EPILOGUE_MS);
      const options = { client, requestId: call.label, deadline: () => deadline };
      call.epilogue = await new StreamReader(options, call.reading.events.at(-1)?.id).read();
    }
  }

  async #call(
    kind: StreamCall['kind'],
    tool: string,
    args: Record<string, unknown>,
    leavesFor = this.#cuts,
  ): Promise<void> {
    const { session, name, client, chance, history, deadline, isOftenAway = false } = this.#options;
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
      leavesFor,
      onEvent: (event) => {
        const toPost = kind === 'cancel' ? cancellation(label) : reactionTo(event, kind, label);
        if (toPost !== undefined) posting ??= this.#postUntilTaken(toPost);
      },
    });
    const reading = await reader.read(reply.stream);
    await posting;
    const { answer, firstEventId } = reader;
    const call: StreamCall = { kind, session, label, to: Number(args['to'] ?? 0), reading, replays: [] };
    history.calls.push(call);
    if (isOftenAway || chance.is(REPLAYED_SHARE)) await this.#replay(call, firstEventId);
    if (answer?.error?.message === CALL_STOPPED && firstEventId !== undefined)
      this.#stopped.push({ call, firstEventId });
    const isOk = answer?.result !== undefined || (kind === 'cancel' && reading.end === 'answered');
    history.count(kind, isOk ? 'ok' : 'unknown');
  }

  async #replay({ label, reading, replays }: StreamCall, from: string | undefined): Promise<void> {
    if (reading.end !== 'answered' || from === undefined) return;
    const { client, deadline } = this.#options;
    // Something never ended, which is found there.
    if (Date.now() >= deadline()) return;
    replays.push(await new StreamReader({ client, requestId: label, deadline }, from).read());
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

/** To its question an answer; where that may be lost, nothing is to wait for one. */
function reactionTo(event: SseEvent, kind: StreamCall['kind'], label: string): Message | undefined {
  if (gapOf(event) !== undefined) return kind === 'elicit' ? cancellation(label) : undefined;
  const { method, id } = messageOf(event) ?? {};
  if (method !== 'elicitation/create' || id === undefined) return undefined;
  return { id, result: { action: 'accept', content: { answer: `${ANSWER_PREFIX}${label}` } } };
}
