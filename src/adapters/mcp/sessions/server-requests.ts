import type { InstanceId } from '../../../domain/stream-name.ts';
import { isObject, type JsonRpcNotification, type JsonRpcRequest, type JsonRpcResponse } from '../jsonrpc.ts';
import type { SessionWire } from './session-wire.ts';

const GLOBAL_ID = /^([0-9a-f]{16})\.[1-9]\d{0,15}$/;

/** The instance that sent the request to the client which has this id; `undefined` if none did. */
export function askerOf(id: unknown): InstanceId | undefined {
  return typeof id === 'string' ? GLOBAL_ID.exec(id)?.[1] : undefined;
}

/** Gives out ids for requests to clients: no two of any instances are alike. */
export class RequestIds {
  readonly #instance: InstanceId;
  #last = 0;

  constructor(instance: InstanceId) {
    this.#instance = instance;
  }

  next(): string {
    this.#last += 1;
    return `${this.#instance}.${this.#last}`;
  }
}

interface Asked {
  readonly wire: SessionWire;
  /** The id that the SDK gave. It counts from 0 in each server, so many requests of a session have the same. */
  readonly id: JsonRpcRequest['id'];
  readonly onSettled: () => void;
}

/** The requests to one session's client that wait for an answer on this instance. */
export class ServerRequests {
  readonly #ids: RequestIds;
  readonly #asked = new Map<string, Asked>();

  constructor(ids: RequestIds) {
    this.#ids = ids;
  }

  get size(): number {
    return this.#asked.size;
  }

  /**
   * The request as the client is to see it: with an id of its own, and with that as its progress token, which
   * the SDK otherwise counts likewise.
   */
  register(wire: SessionWire, request: JsonRpcRequest, onSettled: () => void): JsonRpcRequest {
    const id = this.#ids.next();
    this.#asked.set(id, { wire, id: request.id, onSettled });
    const meta = request.params?.['_meta'];
    if (!isObject(meta) || meta['progressToken'] !== request.id) return { ...request, id };
    return { ...request, id, params: { ...request.params, _meta: { ...meta, progressToken: id } } };
  }

  /** Forgets a request that could not be sent. */
  drop(request: JsonRpcRequest): void {
    this.#settle(request.id);
  }

  /** Hands an answer to the server that waits for it; one that nobody waits for is dropped. */
  answer(response: JsonRpcResponse): void {
    const asked = this.#settle(response.id);
    asked?.wire.respond({ ...response, id: asked.id } as JsonRpcResponse);
  }

  progress(notification: JsonRpcNotification): void {
    const asked = this.#asked.get(String(notification.params?.['progressToken']));
    asked?.wire.notify({ ...notification, params: { ...notification.params, progressToken: asked.id } });
  }

  /** The server no longer waits. @returns its cancellation as the client is to see it */
  withdraw(wire: SessionWire, cancellation: JsonRpcNotification): JsonRpcNotification | undefined {
    const requestId = cancellation.params?.['requestId'];
    for (const [id, asked] of this.#asked) {
      if (asked.wire !== wire || asked.id !== requestId) continue;
      this.#settle(id);
      return { ...cancellation, params: { ...cancellation.params, requestId: id } };
    }
    return undefined;
  }

  /** Forgets all requests of one server. */
  forget(wire: SessionWire): void {
    for (const [id, asked] of [...this.#asked]) if (asked.wire === wire) this.#settle(id);
  }

  waitsFor(wire: SessionWire): boolean {
    for (const asked of this.#asked.values()) if (asked.wire === wire) return true;
    return false;
  }

  #settle(id: unknown): Asked | undefined {
    const asked = this.#asked.get(String(id));
    if (asked === undefined) return undefined;
    this.#asked.delete(String(id));
    asked.onSettled();
    return asked;
  }
}
