import type { JSONRPCMessage, MessageExtraInfo, Transport } from '@modelcontextprotocol/server';
import type { JsonRpcId, RequestInfo } from '../../../ports/mcp-endpoint.ts';
import {
  errorResponse,
  INTERNAL_ERROR,
  type JsonRpcError,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type JsonRpcResponse,
} from '../jsonrpc.ts';
import { inPlainWords } from '../schema-error.ts';
import type { ConnectableServer } from '../server-factory.ts';

/** JSON-RPC code of a request that the client cancelled, as the Language Server Protocol numbers it. */
const REQUEST_CANCELLED = -32_800;
const ABANDONED = -32_000;

/** Where a server's messages to the client go: the stream of one call, or that of the session. */
export interface Channel {
  /** Resolves once the message cannot be lost any more. */
  send(message: JsonRpcRequest | JsonRpcNotification): Promise<void>;
}

/** The stream of one call, which its handler may end the connection of. */
export interface CallChannel extends Channel {
  /** The HTTP request that carried the call. */
  readonly requestInfo?: RequestInfo | undefined;
  /** Whether the client could resume, so that a handler may end its connections. */
  readonly isResumable: boolean;
  /** Ends the connection to the call's own stream. */
  disconnect(): void;
  /** Ends the connection to the session's own stream. */
  disconnectStandalone(): void;
}

/** What lies beyond the line: the session's stream, and the bookkeeping of requests to the client. */
export interface Outlet extends Channel {
  /** Sends a request of the server on `channel`, under an id that no other instance gives out. */
  ask(wire: SessionWire, request: JsonRpcRequest, channel: Channel): Promise<void>;
  /** Sends the server's cancellation of a request of its own. */
  withdraw(wire: SessionWire, cancellation: JsonRpcNotification, channel: Channel): Promise<void>;
  /** The server is closed: nobody waits for answers to its requests any more. */
  closed(wire: SessionWire): void;
  /** Told of what went wrong where nobody waits. */
  onError(error: unknown): void;
}

interface RunningCall {
  readonly clientId: JsonRpcId;
  readonly channel: CallChannel | undefined;
  /** Unix milliseconds. */
  readonly startedAt: number;
  readonly answer: (response: JsonRpcResponse) => void;
}

/**
 * The line between one session's messages, whichever connection they come in on, and one SDK server. It is an
 * SDK `Transport`, an interface that both SDK generations share.
 *
 * Requests are numbered anew on the way in: clients that break off and ask again may use one id twice at a
 * time, and each answer must reach the request it belongs to.
 */
export class SessionWire implements Transport {
  readonly sessionId: string;
  onmessage?: NonNullable<Transport['onmessage']>;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  /** False while the server is brought into its state: what it says then, it has said before. */
  isOpen = false;
  /** See {@link ConnectableServer.answer}. */
  answer?: NonNullable<ConnectableServer['answer']> | undefined;
  /** Called at once when the server has let go of this wire. */
  onClosed: () => void = () => {};
  readonly #outlet: Outlet;
  #lastCall = 0;
  readonly #running = new Map<number, RunningCall>();

  constructor(sessionId: string, outlet: Outlet) {
    this.sessionId = sessionId;
    this.#outlet = outlet;
  }

  get runningCalls(): number {
    return this.#running.size;
  }

  /** Hands a client's request to the server. Always resolves, if with a JSON-RPC error. */
  request(request: JsonRpcRequest, now: number, channel?: CallChannel): Promise<JsonRpcResponse> {
    this.#lastCall += 1;
    const call = this.#lastCall;
    return new Promise((answer) => {
      this.#running.set(call, { clientId: request.id, channel, startedAt: now, answer });
      const numbered = { ...request, id: call };
      const answered = this.answer?.(numbered);
      if (answered === undefined) this.#deliver(numbered, channel);
      else void answered.then((response) => this.#answer(response));
    });
  }

  notify(notification: JsonRpcNotification): void {
    this.#deliver(notification);
  }

  /** Hands over a client's answer to a request of the server, under the server's own id. */
  respond(response: JsonRpcResponse): void {
    this.#deliver(response);
  }

  /**
   * Aborts the running calls with this id of the client, if they began before `postedAt` (Unix ms).
   * @returns false if there was none
   */
  cancel(notification: JsonRpcNotification, postedAt = Number.POSITIVE_INFINITY): boolean {
    const requestId = notification.params?.['requestId'];
    let found = false;
    for (const [call, { clientId, startedAt }] of [...this.#running]) {
      if (clientId !== requestId || startedAt > postedAt) continue;
      found = true;
      this.#deliver({ ...notification, params: { ...notification.params, requestId: call } });
      // The SDK answers nothing to a cancelled request, but what waits for its answer must end.
      this.#settle(call, REQUEST_CANCELLED, 'Request cancelled');
    }
    return found;
  }

  /** Answers every running call, or those of one channel, with an error, and aborts them. */
  abandon(message: string, channel?: CallChannel): void {
    for (const [call, running] of [...this.#running]) {
      if (channel !== undefined && running.channel !== channel) continue;
      this.#settle(call, ABANDONED, message);
      this.#deliver(cancelled(call, message));
    }
  }

  // What follows is called by the SDK's server.

  async start(): Promise<void> {}

  async send(
    message: JSONRPCMessage,
    options?: { readonly relatedRequestId?: JsonRpcId | undefined },
  ): Promise<void> {
    if (!('method' in message)) {
      const response = message as JsonRpcResponse;
      return this.#answer('error' in response ? inPlainWords(response) : response);
    }
    if (!this.isOpen) return;
    const related = options?.relatedRequestId;
    const call = related === undefined ? undefined : this.#running.get(Number(related));
    const channel = call?.channel ?? this.#outlet;
    const hasEnded = related !== undefined && call === undefined;
    if ('id' in message) {
      if (hasEnded) throw new Error(`${message.method}: the call that this request belongs to has ended`);
      return this.#outlet.ask(this, message as JsonRpcRequest, channel);
    }
    const notification = message as JsonRpcNotification;
    try {
      if (message.method === 'notifications/cancelled') {
        await this.#outlet.withdraw(this, notification, hasEnded ? this.#outlet : channel);
      } else if (!hasEnded) {
        // After the answer, there is no stream left that it could go to.
        await channel.send(notification);
      }
    } catch (error) {
      // A stream that was ended takes nothing more. Few handlers wait for what they notify of, and a rejection
      // that nobody handles would end the process.
      this.onerror?.(error as Error);
    }
  }

  async close(): Promise<void> {
    this.abandon('The server closed this session’s connection before the call ended.');
    this.#outlet.closed(this);
    try {
      this.onclose?.();
    } finally {
      // Before anything else runs: see there.
      this.onClosed();
    }
  }

  #deliver(message: JsonRpcRequest | JsonRpcNotification | JsonRpcResponse, channel?: CallChannel): void {
    try {
      this.onmessage?.(message as JSONRPCMessage, channel && extraOf(channel));
    } catch (error) {
      // Such as a stack that overflows. Nobody waits for the server to take a message, and a rejection that nobody
      // handles would end the process.
      this.#outlet.onError(error);
      if ('method' in message && 'id' in message)
        this.#settle(Number(message.id), INTERNAL_ERROR, 'Internal error');
    }
  }

  #answer(response: JsonRpcResponse): void {
    const running = this.#running.get(Number(response.id));
    if (running === undefined) return;
    this.#running.delete(Number(response.id));
    running.answer({ ...response, id: running.clientId } as JsonRpcResponse);
  }

  #settle(call: number, code: number, message: string): void {
    this.#answer(errorResponse(call, code, message) as JsonRpcError);
  }
}

function extraOf(channel: CallChannel): MessageExtraInfo {
  const { requestInfo } = channel;
  const extra: MessageExtraInfo & { requestInfo?: RequestInfo } = {};
  if (requestInfo !== undefined) extra.requestInfo = requestInfo;
  if (channel.isResumable) {
    extra.closeSSEStream = () => channel.disconnect();
    extra.closeStandaloneSSEStream = () => channel.disconnectStandalone();
  }
  return extra;
}

function cancelled(requestId: number, reason: string): JsonRpcNotification {
  return { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason } };
}
