import { WrongAnswer } from './answer.ts';
import type { ToolClient } from './tool-client.ts';

/** What the load does with a session. Each operation is one request, whose answer is checked. */
export interface StateSession {
  /** Stores a value that was never stored before. */
  store(key: string, bytes: number): Promise<void>;
  get(key: string): Promise<void>;
  close(): Promise<void>;
}

/** A session that knows what it last stored, and so what every answer must say. */
export class CheckedSession implements StateSession {
  readonly client: ToolClient;
  readonly #stored = new Map<string, { readonly value: string; readonly version: number }>();
  #serial = 0;

  constructor(client: ToolClient) {
    this.client = client;
  }

  async store(key: string, bytes: number): Promise<void> {
    this.#serial += 1;
    const value = distinctValue(this.#serial, bytes);
    const version = (this.#stored.get(key)?.version ?? 0) + 1;
    const result = await this.client.call('store_value', { key, value });
    if (
      result['stored'] !== true ||
      result['key'] !== key ||
      result['value'] !== value ||
      result['version'] !== version
    ) {
      throw new WrongAnswer(`version ${version} of ${key} to be stored`, result);
    }
    this.#stored.set(key, { value, version });
  }

  async get(key: string): Promise<void> {
    const expected = this.#stored.get(key);
    const result = await this.client.call('get_value', { key });
    if (
      result['found'] !== (expected !== undefined) ||
      result['key'] !== key ||
      result['value'] !== (expected?.value ?? null) ||
      result['version'] !== (expected?.version ?? 0)
    ) {
      throw new WrongAnswer(`version ${expected?.version ?? 0} of ${key}`, result);
    }
  }

  /** Tells that all these keys hold what `example` holds now: they were copied from it in the store itself. */
  assumeCopies(example: string, keys: readonly string[]): void {
    const stored = this.#stored.get(example);
    if (stored === undefined) throw new Error(`${example} was never stored`);
    for (const key of keys) this.#stored.set(key, stored);
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

/** Text of that many bytes, which differs from all with other serial numbers. */
export function distinctValue(serial: number, bytes: number): string {
  return `${serial}:`.padEnd(bytes, 'x');
}

/** On a store without signals the end of a session takes half a second, and an emulator bears few at a time. */
const CLOSED_AT_ONCE = 10;

export async function closeAll(sessions: readonly StateSession[]): Promise<void> {
  for (let at = 0; at < sessions.length; at += CLOSED_AT_ONCE) {
    await Promise.all(sessions.slice(at, at + CLOSED_AT_ONCE).map((session) => session.close()));
  }
}
