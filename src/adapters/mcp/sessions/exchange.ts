import type { Activity } from '../../../domain/activity.ts';
import { SessionNotFound, StreamEnded } from '../../../domain/errors.ts';
import { persist } from '../../../domain/persist.ts';
import type { Session } from '../../../domain/session.ts';
import type { SessionHandle } from '../../../domain/stream-handle.ts';
import { type InstanceId, newCallStream } from '../../../domain/stream-name.ts';
import { StreamWriter } from '../../../domain/stream-writer.ts';
import type { Streams } from '../../../domain/streams.ts';
import type { JsonRpcId, McpReply, RequestInfo } from '../../../ports/mcp-endpoint.ts';
import type { InFlightItem } from '../in-flight.ts';
import type { JsonRpcNotification, JsonRpcRequest, JsonRpcResponse } from '../jsonrpc.ts';
import { primes } from '../protocol-versions.ts';
import { SESSION_ENDED } from '../refusal.ts';
import { answerText, unkeptAnswerText } from './answer-text.ts';
import type { Connections } from './connections.ts';
import { tendRunningStream } from './running-stream.ts';
import type { SessionHost } from './session-host.ts';
import type { CallChannel } from './session-wire.ts';
import { StreamConnection } from './stream-connection.ts';
import type { Turns } from './turns.ts';

/** A call that is answered within this time, and says nothing before, costs no stream and no row. */
const FAST_MS = 50;
/** For how long a call whose session is gone may still be answered: it may be the one that ended it. */
const LAST_WORD_MS = 3_000;

/** What the exchanges of an instance share. */
export interface ExchangeContext {
  readonly streams: Streams;
  readonly instance: InstanceId;
  readonly connections: Connections;
  readonly activity: Activity;
  /** To become a stream because it takes long, rather than because there is something to send. */
  readonly slowOpenings: Turns;
  /** Ends the connection to the session's own stream, wherever that is, and the client comes back. */
  readonly closeStandaloneStream: (handle: SessionHandle) => void;
  readonly onOver: (exchange: Exchange) => void;
}

/** What is to be answered. */
export interface Posted {
  readonly host: SessionHost;
  readonly handle: SessionHandle;
  readonly session: Session;
  readonly requests: readonly JsonRpcId[];
  readonly isBatch: boolean;
  readonly requestInfo: RequestInfo | undefined;
  /** Called once, when neither its calls run nor a client is connected to what became of them. */
  readonly leave: () => void;
}

/**
 * What one POST of the client is answered with: plain JSON where that is quick, else a stream. Whatever goes over
 * the stream is in the log before it is on the wire, so a client that lost its connection can have it from any
 * instance. That the client is gone changes nothing here.
 */
export class Exchange implements CallChannel, InFlightItem {
  place = 0;
  readonly reply: Promise<McpReply>;
  /** The stream that it became. */
  stream: string | undefined;
  readonly #posted: Posted;
  readonly #context: ExchangeContext;
  readonly #cancelTimer: () => void;
  #decide: (reply: McpReply) => void = () => {};
  #refuse: (error: unknown) => void = () => {};
  #isDecided = false;
  /** Something other than the answers was sent, or asked for. */
  #needsStream = false;
  /** It cannot become a stream: what it runs has begun, so that all it can be given is its answer. */
  #isPlain = false;
  readonly #answers: JsonRpcResponse[] = [];
  #opening: Promise<StreamWriter> | undefined;
  #connection: StreamConnection | undefined;
  readonly #cleanUp: (() => void)[] = [];
  #isOver = false;
  #isConnected = false;

  constructor(posted: Posted, context: ExchangeContext) {
    this.#posted = posted;
    this.#context = context;
    this.reply = new Promise((resolve, reject) => {
      this.#decide = resolve;
      this.#refuse = reject;
    });
    // Whoever answers is not always whoever waits for the reply.
    this.reply.catch(() => {});
    this.#cancelTimer = this.#clock.schedule(FAST_MS, () => void this.#becomeStream());
  }

  get requestInfo(): RequestInfo | undefined {
    return this.#posted.requestInfo;
  }

  /** Whether the client understands an event without data, and so resumes what it has seen nothing of. */
  get isResumable(): boolean {
    return primes(this.#posted.session.protocolVersion);
  }

  disconnect(): void {
    this.#needsStream = true;
    // The client is to come back for the rest, once it has an id to come back with.
    this.#open()
      .then(() => this.#connection?.disconnect())
      .catch(() => {});
  }

  disconnectStandalone(): void {
    this.#context.closeStandaloneStream(this.#posted.handle);
  }

  /** Sends a message of the server ahead of the answers. @throws SessionNotFound, StreamEnded, LimitExceeded */
  async send(message: JsonRpcRequest | JsonRpcNotification): Promise<void> {
    this.#needsStream = true;
    const writer = await this.#open();
    await writer.send([JSON.stringify(message)], { requests: this.#posted.requests });
  }

  /**
   * Gives the answer to one of the requests. They go out together when all are there, so that a stream has either
   * none or all of its answers.
   */
  answer(response: JsonRpcResponse): void {
    this.#answers.push(response);
    if (this.#answers.length < this.#posted.requests.length) return;
    if (this.#isDecided || (this.#needsStream && !this.#isPlain)) {
      void this.#log();
      return;
    }
    this.#settle(() =>
      this.#decide({ kind: 'answered', body: this.#posted.isBatch ? this.#answers : this.#answers[0] }),
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
    return this.#context.streams.options.clock;
  }

  #settle(how: () => void): void {
    this.#isDecided = true;
    this.#cancelTimer();
    how();
  }

  async #becomeStream(): Promise<void> {
    await this.#context.slowOpenings.take(async () => {
      // Rejections are the answer's affair.
      if (!this.#isDecided) await this.#open().catch(() => {});
    });
  }

  #open(): Promise<StreamWriter> {
    this.#opening ??= this.#openStream();
    return this.#opening;
  }

  async #openStream(): Promise<StreamWriter> {
    this.#cancelTimer();
    const { streams, instance, connections, activity } = this.#context;
    const { host, handle, requests, session } = this.#posted;
    const isOver = (): boolean => this.#isOver || this.#clock.now() >= handle.session.endsAt;
    const stream = { ...handle, stream: newCallStream(instance) };
    this.stream = stream.stream;
    try {
      this.#cleanUp.push(await persist(() => host.engage(), { ...streams.options, isOver }));
      if (this.#isOver) throw new StreamEnded();
      const tail = streams.follow(stream, { sequence: 0, isNewest: true });
      const leave = activity.hold(session);
      const connection: StreamConnection = new StreamConnection({
        tail,
        stream: stream.stream,
        primes: this.isResumable,
        requests,
        onOver: () => {
          leave();
          connections.delete(connection);
          this.#isConnected = false;
          this.#leaveIfDone();
        },
      });
      this.#isConnected = true;
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
      const hasEnded = error instanceof SessionNotFound || error instanceof StreamEnded;
      if (!hasEnded && !this.#isDecided) {
        // No outage that passes. To refuse the request now would have its client call a second time.
        this.#isPlain = true;
        streams.options.onError(error);
        throw error;
      }
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
    const { requests } = this.#posted;
    const { streams } = this.#context;
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

  #lost(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    const gone = error instanceof SessionNotFound;
    // No answer can be given any more.
    this.#posted.host.abandon(
      gone ? SESSION_ENDED : 'Another instance ended this call: it took this one for dead.',
      this,
    );
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#runCleanUp();
    this.#context.onOver(this);
    this.#leaveIfDone();
  }

  #leaveIfDone(): void {
    if (this.#isOver && !this.#isConnected) this.#posted.leave();
  }

  #runCleanUp(): void {
    for (const cleanUp of this.#cleanUp.splice(0)) cleanUp();
  }
}
