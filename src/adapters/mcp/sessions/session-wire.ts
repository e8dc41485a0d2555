import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { JsonRpcId } from '../../../ports/mcp-endpoint.ts';
import type { JsonRpcNotification, JsonRpcRequest, JsonRpcResponse } from '../jsonrpc.ts';

/** JSON-RPC code of a request that the client cancelled, as the Language Server Protocol numbers it. */
const REQUEST_CANCELLED = -32_800;

interface RunningCall {
  readonly clientId: JsonRpcId;
  readonly answer: (response: JsonRpcResponse) => void;
}

/**
 * The line between one session's requests, whichever connection they come in on, and one SDK server. It is an
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
  #lastCall = 0;
  readonly #running = new Map<number, RunningCall>();

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  get runningCalls(): number {
    return this.#running.size;
  }

  /** Hands a client's request to the server. Always resolves, if with a JSON-RPC error. */
  request(request: JsonRpcRequest): Promise<JsonRpcResponse> {
    this.#lastCall += 1;
    const call = this.#lastCall;
    return new Promise((answer) => {
      this.#running.set(call, { clientId: request.id, answer });
      this.#deliver({ ...request, id: call });
    });
  }

  notify(notification: JsonRpcNotification): void {
    if (notification.method === 'notifications/cancelled') this.#cancel(notification);
    else this.#deliver(notification);
  }

  /** Hands over a client's answer to a request of the server. */
  respond(response: JsonRpcResponse): void {
    this.#deliver(response);
  }

  /** Answers every running call with an error. */
  abandon(message: string): void {
    for (const call of [...this.#running.keys()]) {
      this.#settle(call, { code: -32_000, message });
      this.#deliver(cancelled(call, message));
    }
  }

  // What follows is called by the SDK's server.

  async start(): Promise<void> {}

  async send(message: JSONRPCMessage): Promise<void> {
    if (!('method' in message)) {
      this.#settle(Number(message.id), message);
    } else if ('id' in message) {
      throw new Error(`${message.method}: this server cannot send requests to the client yet`);
    }
    // A notification has nowhere to go without a stream, and the protocol lets a server drop it.
  }

  async close(): Promise<void> {
    this.abandon('The server closed this session’s connection before the call ended.');
    this.onclose?.();
  }

  #deliver(message: unknown): void {
    this.onmessage?.(message as JSONRPCMessage);
  }

  #settle(call: number, outcome: object): void {
    const running = this.#running.get(call);
    if (running === undefined) return;
    this.#running.delete(call);
    running.answer(
      'code' in outcome
        ? ({ jsonrpc: '2.0', id: running.clientId, error: outcome } as JsonRpcResponse)
        : ({ ...outcome, id: running.clientId } as JsonRpcResponse),
    );
  }

  /** The SDK answers nothing to a cancelled request, but the HTTP request that carried it must end. */
  #cancel(notification: JsonRpcNotification): void {
    for (const [call, { clientId }] of [...this.#running]) {
      if (clientId !== notification.params?.['requestId']) continue;
      this.#deliver({ ...notification, params: { ...notification.params, requestId: call } });
      this.#settle(call, { code: REQUEST_CANCELLED, message: 'Request cancelled' });
    }
  }
}

function cancelled(requestId: number, reason: string): JsonRpcNotification {
  return { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason } };
}
