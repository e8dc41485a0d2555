import { resultIn } from './answer.ts';
import { Connection } from './connection.ts';
import { distinctValue, type StateSession } from './state-session.ts';
import { structuredContentOf } from './tool-client.ts';

const HEADERS = ['Content-Type', 'application/json', 'Accept', 'application/json, text/event-stream'];

/** Sends what a session would, to a server that always answers the same. */
export class BareSession implements StateSession {
  readonly #connection: Connection;
  #serial = 0;

  constructor(origin: string) {
    this.#connection = new Connection(origin);
  }

  store(key: string, bytes: number): Promise<void> {
    return this.#call('store_value', { key, value: distinctValue(this.#serial, bytes) });
  }

  get(key: string): Promise<void> {
    return this.#call('get_value', { key });
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #call(name: string, args: Readonly<Record<string, unknown>>): Promise<void> {
    this.#serial += 1;
    const message = {
      jsonrpc: '2.0',
      id: this.#serial,
      method: 'tools/call',
      params: { name, arguments: args },
    };
    const reply = await this.#connection.send('POST', HEADERS, JSON.stringify(message));
    structuredContentOf(resultIn(reply, 0));
  }
}
