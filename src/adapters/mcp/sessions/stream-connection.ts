import { eventId, ownerOf, PAST_THE_END } from '../../../domain/stream-name.ts';
import type { StreamTail, TailStep } from '../../../domain/stream-tail.ts';
import type { EventStream, JsonRpcId, StreamEvent } from '../../../ports/mcp-endpoint.ts';
import { errorResponse } from '../jsonrpc.ts';
import { SESSION_ENDED } from '../refusal.ts';

/** How soon a client whose connection was ended comes back. */
const RECONNECT_MS = 500;

/**
 * The same where another connection took the stream over while this one lives: two clients of one session would else
 * take it from each other twice a second.
 */
const SUPERSEDED_MS = 5_000;

/** Characters beyond which no event is added to those that are given at once. */
const MOST_AT_ONCE = 64 * 1024;

/** JSON-RPC codes of this server's own, from the range that JSON-RPC 2.0 §5.1 leaves to servers. */
const SESSION_NOT_FOUND = -32_001;
const EVENTS_LOST = -32_000;

export interface ConnectionOptions {
  readonly tail: StreamTail;
  readonly stream: string;
  /** Whether the client understands an event without data (from 2025-11-25 on). */
  readonly primes: boolean;
  /** Events up to this one will not be given, and it is not known whether anybody had them. */
  readonly missedUpTo?: number | undefined;
  /** The requests that the stream answers, where they are known already. */
  readonly requests?: readonly JsonRpcId[];
  /** Called once, when the connection is over. */
  readonly onOver: (connection: StreamConnection) => void;
}

/** One client's connection to a stream: what the log holds, as the events that the client is sent. */
export class StreamConnection implements EventStream {
  readonly #options: ConnectionOptions;
  #ready: StreamEvent[] = [];
  #requests: readonly JsonRpcId[];
  #canResume = false;
  #isLeaving = false;
  #isOver = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    if (options.missedUpTo !== undefined) this.#ready.push(this.#warning(1, options.missedUpTo));
    this.#requests = options.requests ?? [];
  }

  async next(): Promise<readonly StreamEvent[] | undefined> {
    while (this.#ready.length === 0 && !this.#isOver) {
      const step = await this.#options.tail.next();
      if (step === undefined) this.#end();
      else this.#ready.push(...this.#eventsOf(step));
    }
    this.#addWhatIsInHand();
    const events = this.#ready;
    this.#ready = [];
    this.#canResume ||= events.some(({ id }) => id !== undefined);
    if (this.#isLeaving && this.#canResume) this.#options.tail.stop();
    return events.length === 0 ? undefined : events;
  }

  close(): void {
    this.#options.tail.close();
    this.#over();
  }

  /**
   * Ends the connection, not the stream: the client is to come back for the rest. Not before it was given an id *on
   * this connection*: the official client forgets the one that it came with. Clients of earlier revisions are not
   * made to come back, since a server was not to close a stream before its answer then.
   */
  disconnect(): void {
    this.#isLeaving = this.#options.primes;
    if (this.#isLeaving && this.#canResume) this.#options.tail.stop();
  }

  /** Many small events are then sent at once. */
  #addWhatIsInHand(): void {
    let size = sizeOf(this.#ready);
    while (size < MOST_AT_ONCE) {
      const step = this.#options.tail.take();
      if (step === undefined) return;
      const events = this.#eventsOf(step);
      this.#ready.push(...events);
      size += sizeOf(events);
    }
  }

  #eventsOf(step: TailStep): StreamEvent[] {
    const { stream, primes } = this.#options;
    switch (step.kind) {
      case 'begin':
      case 'opened':
        if (!primes) return [];
        return [{ id: eventId({ stream, sequence: step.sequence }), data: '', retryMs: RECONNECT_MS }];
      case 'message':
        this.#requests = step.message.requests ?? this.#requests;
        return [{ id: eventId({ stream, sequence: step.sequence }), data: step.message.message }];
      case 'gap':
        return this.#gap(step);
      case 'set_back':
        return this.#setBack(step.sequence);
    }
  }

  /** Nobody is ever given a part of a stream as if it were the whole. */
  #gap({ from, to, requests }: Extract<TailStep, { kind: 'gap' }>): StreamEvent[] {
    const { stream } = this.#options;
    const missing = nameOf(from, to);
    if (ownerOf(stream) !== undefined) {
      this.close();
      const message = `The ${missing} of this call’s stream are no longer kept: call again.`;
      // Nothing that follows is to be asked for.
      const id = eventId({ stream, sequence: PAST_THE_END });
      return requests.map((each, index) => ({
        ...(index === requests.length - 1 ? { id } : {}),
        data: JSON.stringify(errorResponse(each, EVENTS_LOST, message)),
      }));
    }
    return [this.#warning(from, to)];
  }

  /**
   * The client is to resume from there. Of a call nothing is said as long as all of its messages are there: what is
   * missing is a gap, which its tail finds by their numbers.
   */
  #setBack(sequence: number): StreamEvent[] {
    const { stream, primes } = this.#options;
    if (ownerOf(stream) !== undefined) return primes ? [{ id: eventId({ stream, sequence }), data: '' }] : [];
    return [
      this.#lossWarning(
        `this session’s stream was set back to event ${sequence}, as its store was.`,
        sequence,
      ),
    ];
  }

  #warning(from: number, to: number): StreamEvent {
    return this.#lossWarning(`${nameOf(from, to)} of this session’s stream are no longer kept.`, to);
  }

  #lossWarning(why: string, sequence: number): StreamEvent {
    const data = `Messages may have been lost: ${why}`;
    const warning = {
      jsonrpc: '2.0',
      method: 'notifications/message',
      params: { level: 'warning', logger: 'durable-mcp', data },
    };
    return { id: eventId({ stream: this.#options.stream, sequence }), data: JSON.stringify(warning) };
  }

  #end(): void {
    const { outcome } = this.#options.tail;
    if (outcome === 'stopped') this.#ready.push({ retryMs: RECONNECT_MS });
    if (outcome === 'superseded') this.#ready.push({ retryMs: SUPERSEDED_MS });
    if (outcome === 'session_gone') {
      for (const id of this.#requests) {
        this.#ready.push({ data: JSON.stringify(errorResponse(id, SESSION_NOT_FOUND, SESSION_ENDED)) });
      }
    }
    this.#over();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onOver(this);
  }
}

function sizeOf(events: readonly StreamEvent[]): number {
  return events.reduce((sum, { data = '' }) => sum + data.length, 0);
}

function nameOf(from: number, to: number): string {
  return from === to ? `event ${from}` : `events ${from} to ${to}`;
}
