import type { RawClient, Reply } from '../support/raw-client.ts';
import { callOutcome } from './outcome.ts';

/** A client's rest after each call, and so the most that it is behind the end of an outage. */
const REST_MS = 20;

/** What became of the writes of one key by one client, which makes them one after the other. */
interface Writes {
  /** The last one that was answered as stored. */
  stored: number;
  /** Those that may have happened, or may happen yet. */
  readonly unknown: Set<number>;
}

/** One client that stores and reads all the time, and knows what it may find. */
class LoadedClient {
  readonly counts = { stored: 0, refused: 0, failed: 0 };
  readonly violations: string[] = [];
  longestMs = 0;
  readonly #client: RawClient;
  readonly #origins: readonly string[];
  readonly #writes = new Map<string, Writes>();
  #number = 0;

  constructor(client: RawClient, origins: readonly string[]) {
    this.#client = client;
    this.#origins = origins;
  }

  /** One write and one read, of a new key and of the one that is overwritten again and again, in turn. */
  async step(): Promise<void> {
    this.#number += 1;
    const number = this.#number;
    const key = number % 2 === 0 ? 'again' : `once-${number}`;
    const writes = this.#writes.get(key) ?? { stored: 0, unknown: new Set() };
    this.#writes.set(key, writes);
    writes.unknown.add(number);
    const stored = await this.#call('store_value', { key, value: number });
    if (stored !== 'nothing') {
      if (stored === undefined) return;
      if (stored['stored'] !== true)
        this.violations.push(`neither stored nor an error: ${JSON.stringify(stored)}`);
      this.counts.stored += 1;
      writes.stored = number;
      writes.unknown.delete(number);
    } else {
      writes.unknown.delete(number);
    }
    await this.#check(key, writes);
  }

  /** Whether each key holds its last acknowledged write, or one whose outcome was unknown. */
  async readBack(): Promise<void> {
    const keys = [...this.#writes];
    for (let first = 0; first < keys.length; first += 8) {
      const checks = keys.slice(first, first + 8).map(async ([key, writes]) => {
        if (!(await this.#check(key, writes))) this.violations.push(`${key} could not be read`);
      });
      await Promise.all(checks);
    }
  }

  async #check(key: string, writes: Writes): Promise<boolean> {
    const read = await this.#call('get_value', { key });
    if (read === undefined || read === 'nothing') return false;
    const found = Number(read['value'] ?? 0);
    if (found !== writes.stored && !writes.unknown.has(found)) {
      this.violations.push(`${key} is ${found} where ${writes.stored} was stored last`);
    }
    return true;
  }

  /** @returns what the tool returned; `'nothing'` where nothing was done for certain; `undefined` if that is unknown */
  async #call(name: string, args: object): Promise<Record<string, unknown> | 'nothing' | undefined> {
    const at = this.#origins[this.#number % this.#origins.length] as string;
    const id = this.#client.nextId();
    const start = performance.now();
    const reply: Reply = await this.#client.call(name, { ...args }, { at, id });
    const outcome = await callOutcome(reply, id);
    // What became a stream goes on for as long as the outage.
    if (reply.stream === undefined) this.longestMs = Math.max(this.longestMs, performance.now() - start);
    if (outcome.kind === 'done') return outcome.result;
    if (outcome.kind === 'wrong') {
      this.violations.push(outcome.what);
      return undefined;
    }
    this.counts[outcome.kind] += 1;
    return outcome.effect === 'none' ? 'nothing' : undefined;
  }
}

/** Clients that store and read at all instances in turn, until they are told to stop. */
export class Load {
  readonly #clients: readonly LoadedClient[];
  readonly #running: Promise<void>[];
  #stopped = false;

  constructor(clients: readonly RawClient[], origins: readonly string[]) {
    this.#clients = clients.map((client) => new LoadedClient(client, origins));
    this.#running = this.#clients.map((client) => this.#run(client));
  }

  get counts() {
    const sum = (name: 'stored' | 'refused' | 'failed'): number =>
      this.#clients.reduce((total, { counts }) => total + counts[name], 0);
    return { stored: sum('stored'), refused: sum('refused'), failed: sum('failed') };
  }

  /** How many writes each client was told are stored. */
  get storedByClient(): readonly number[] {
    return this.#clients.map(({ counts }) => counts.stored);
  }

  /** Of the calls that were answered otherwise than with a stream. */
  get longestMs(): number {
    return Math.max(...this.#clients.map(({ longestMs }) => longestMs));
  }

  /** @returns what clients saw that they never should, once they have read back all that they stored */
  async finish(): Promise<readonly string[]> {
    this.#stopped = true;
    await Promise.all(this.#running);
    await Promise.all(this.#clients.map((client) => client.readBack()));
    return this.#clients.flatMap(({ violations }) => violations);
  }

  async #run(client: LoadedClient): Promise<void> {
    while (!this.#stopped) {
      await client.step().catch((error: unknown) => client.violations.push(String(error)));
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
    }
  }
}
