import { SessionNotFound, StreamEnded } from '../../../domain/errors.ts';
import { persist } from '../../../domain/persist.ts';
import type { SessionHandle } from '../../../domain/stream-handle.ts';
import { type InstanceId, newCallStream } from '../../../domain/stream-name.ts';
import { StreamWriter } from '../../../domain/stream-writer.ts';
import type { Streams } from '../../../domain/streams.ts';
import type { JsonRpcId, McpReply, RequestInfo } from '../../../ports/mcp-endpoint.ts';
import type { JsonRpcNotification, JsonRpcRequest, JsonRpcResponse } from '../jsonrpc.ts';
import { SESSION_ENDED } from '../refusal.ts';
import { answerText, unkeptAnswerText } from './answer-text.ts';
import type { Connections } from './connections.ts';
import { tendRunningStream } from './running-stream.ts';
import type { CallChannel } from './session-wire.ts';
import { StreamConnection } from './stream-connection.ts';

/** A call that is answered within this time, and says nothing before, costs no stream and no row. */
const FAST_MS = 50;
/** For how long a call whose session is gone may still be answered: it may be the one that ended it. */
const LAST_WORD_MS = 3_000;

export interface ExchangeOptions {
  readonly streams: Streams;
  readonly instance: InstanceId;
  readonly handle: SessionHandle;
  readonly requests: readonly JsonRpcId[];
  readonly isBatch: boolean;
  /** Whether the client understands an event without data, and so resumes what it has seen nothing of. */
  readonly primes: boolean;
  readonly requestInfo: RequestInfo | undefined;
  /** Makes this instance seen to be alive, and hear what clients post elsewhere, until the returned call. */
  readonly engage: () => Promise<() => void>;
  readonly connections: Connections;
  /** Counts the session as used until the returned call. */
  readonly attend: () => () => void;
  readonly closeStandaloneStream: () => void;
  /** The stream was ended by another instance, or went with its session: no answer can be given any more. */
  readonly onLost: (exchange: Exchange, reason: string) => void;
  readonly onOver: (exchange: Exchange) => void;
}

/**
 * What one POST of the client is answered with: plain JSON where that is quick, else a stream. Whatever goes over
 * the stream is in the log before it is on the wire, so a client that lost its connection can have it from any
 * instance. That the client is gone changes nothing here.
 */
export class Exchange implements CallChannel {
  readonly reply: Promise<McpReply>;
  readonly requestInfo: RequestInfo | undefined;
  readonly closeSSEStream?: () => void;
  readonly closeStandaloneSSEStream?: () => void;
  /** The stream that it became. */
  stream: string | undefined;
  readonly #options: ExchangeOptions;
  readonly #cancelTimer: () => void;
  #decide: (reply: McpReply) => void = () => {};
  #refuse: (error: unknown) => void = () => {};
  #isDecided = false;
  /** Something other than the answers was sent, or asked for. */
  #needsStream = false;
  readonly #answers: JsonRpcResponse[] = [];
  #opening: Promise<StreamWriter> | undefined;
  #connection: StreamConnection | undefined;
  readonly #cleanUp: (() => void)[] = [];
  #isOver = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.requestInfo = options.requestInfo;
    this.reply = new Promise((resolve, reject) => {
      this.#decide = resolve;
      this.#refuse = reject;
    });
    // Whoever answers is not always whoever waits for the reply.
    this.reply.catch(() => {});
    this.#cancelTimer = this.#clock.schedule(FAST_MS, () => void this.#open().catch(() => {}));
    if (options.primes) {
      this.closeSSEStream = () => this.#disconnect();
      this.closeStandaloneSSEStream = options.closeStandaloneStream;
    }
  }

  /** Sends a message of the server ahead of the answers. @throws SessionNotFound, StreamEnded, LimitExceeded */
  async send(message: JsonRpcRequest | JsonRpcNotification): Promise<void> {
    this.#needsStream = true;
    const writer = await this.#open();
    await writer.send([JSON.stringify(message)], { requests: this.#options.requests });
  }

  /**
   * Gives the answer to one of the requests. They go out together when all are there, so that a stream has either
   * none or all of its answers.
   */
  answer(response: JsonRpcResponse): void {
    this.#answers.push(response);
    if (this.#answers.length < this.#options.requests.length) return;
    if (this.#isDecided || this.#needsStream) {
      void this.#log();
      return;
    }
    this.#settle(() =>
      this.#decide({ kind: 'answered', body: this.#options.isBatch ? this.#answers : this.#answers[0] }),
    );
    this.#end();
  }

  /**
   * Refuses the whole POST, where nothing has been said yet.
   * @returns false if it is too late for that
   */
  refuse(error: unknown): boolean {
    if (this.#isDecided || this.#opening !== undefined) return false;
    this.#settle(() => this.#refuse(error));
    this.#end();
    return true;
  }

  get #clock() {
    return this.#options.streams.options.clock;
  }

  #settle(how: () => void): void {
    this.#isDecided = true;
    this.#cancelTimer();
    how();
  }

  #open(): Promise<StreamWriter> {
    this.#opening ??= this.#openStream();
    return this.#opening;
  }

  async #openStream(): Promise<StreamWriter> {
    this.#cancelTimer();
    const { streams, instance, handle, requests, primes, connections, attend } = this.#options;
    const isOver = (): boolean => this.#isOver || this.#clock.now() >= handle.session.endsAt;
    const stream = { ...handle, stream: newCallStream(instance) };
    this.stream = stream.stream;
    try {
      this.#cleanUp.push(await persist(this.#options.engage, { ...streams.options, isOver }));
      if (this.#isOver) throw new StreamEnded();
      const tail = streams.follow(stream, { sequence: 0, isNewest: true });
      const leave = attend();
      const connection: StreamConnection = new StreamConnection({
        tail,
        stream: stream.stream,
        primes,
        requests,
        onOver: () => {
          leave();
          connections.delete(connection);
        },
      });
      const writer = new StreamWriter(streams, stream, isOver);
      this.#cleanUp.push(() => writer.close(new StreamEnded()));
      try {
        await writer.write([{ kind: 'begin', requests }]);
      } catch (error) {
        connection.close();
        throw error;
      }
      if (this.#isDecided) {
        connection.close();
        return writer;
      }
      this.#connection = connection;
      connections.add(connection);
      this.#settle(() => this.#decide({ kind: 'streamed', events: connection }));
      const onLost = (error: unknown): void => this.#lost(error);
      this.#cleanUp.push(tendRunningStream(streams, stream, { writer, requests, onLost }));
      if (this.#isOver) this.#runCleanUp();
      return writer;
    } catch (error) {
      this.#runCleanUp();
      const mayAnswer = error instanceof SessionNotFound && !this.#isDecided && !this.#needsStream;
      if (mayAnswer) this.#cleanUp.push(this.#clock.schedule(LAST_WORD_MS, () => this.#fail(error)));
      else this.#fail(error);
      throw error;
    }
  }

  #fail(error: unknown): void {
    if (!this.#isDecided) this.#settle(() => this.#refuse(error));
    this.#lost(error);
  }

  async #log(): Promise<void> {
    const { requests, streams } = this.#options;
    const end = { requests, end: true };
    try {
      const writer = await this.#open();
      try {
        await writer.send(this.#answers.map(answerText), end);
      } catch (error) {
        if (error instanceof StreamEnded || error instanceof SessionNotFound) throw error;
        // Neither an outage nor an end: the answer itself cannot be kept.
        streams.options.onError(error);
        await writer.send(requests.map(unkeptAnswerText), end);
      }
      this.#end();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The client is to come back for the rest, once it has an id to come back with. */
  #disconnect(): void {
    this.#needsStream = true;
    this.#open()
      .then(() => this.#connection?.disconnect())
      .catch(() => {});
  }

  #lost(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    const gone = error instanceof SessionNotFound;
    this.#options.onLost(
      this,
      gone ? SESSION_ENDED : 'Another instance ended this call: it took this one for dead.',
    );
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#runCleanUp();
    this.#options.onOver(this);
  }

  #runCleanUp(): void {
    for (const cleanUp of this.#cleanUp.splice(0)) cleanUp();
  }
}
