import type { Answer } from './answers.ts';
import type { Chance } from './chance.ts';
import type { History, Kind } from './history.ts';
import { pause } from './pause.ts';
import type { RegisterOperation } from './register.ts';
import type { ToolCaller } from './tool-callers.ts';

/** Few, so that clients meet. */
export const KEYS = ['k0', 'k1'] as const;

/** How often a write with an idempotency key is made again while its outcome is unknown. */
const REPETITIONS = 4;
/** After a refusal, until there is an answer. */
const MOST_LOOKS = 5;
const LOOK_MS = 50;

type Untimed<T> = T extends unknown ? Omit<T, 'id' | 'invokedAt' | 'endedAt'> : never;

export interface StateClientOptions {
  /** Names the session in the history and in each value. */
  readonly session: string;
  readonly sessionId: string;
  readonly name: string;
  readonly call: ToolCaller;
  readonly chance: Chance;
  readonly history: History;
  /** Stores under idempotency keys and does nothing else: it waits for long where an instance died. */
  readonly isOnceOnly?: boolean;
}

/** Reads and writes the few keys of a session that others read and write too. */
export class StateClient {
  readonly #options: StateClientOptions;
  /** The versions as this client last saw them. */
  readonly #seen = new Map<string, number>();
  #written = 0;

  constructor(options: StateClientOptions) {
    this.#options = options;
  }

  /** Does one thing. */
  act(): Promise<unknown> {
    const { chance } = this.#options;
    const key = chance.pick(KEYS);
    if (this.#options.isOnceOnly === true) return this.#storeOnce(key);
    const kinds = [
      'get',
      'get',
      'get',
      'store',
      'store',
      'guarded',
      'guarded',
      'guarded',
      'delete',
      'list',
    ] as const;
    switch (chance.pick(kinds)) {
      case 'get':
        return this.get(key);
      case 'store':
        return this.#store('store', key, {});
      case 'guarded':
        return this.#compareAndSet(key);
      case 'delete':
        return this.#delete(key);
      case 'list':
        return this.list();
    }
  }

  /** @returns the read as it was recorded, if there was an answer */
  async get(key: string): Promise<Extract<RegisterOperation, { kind: 'read' }> | undefined> {
    const { history, call } = this.#options;
    const invokedAt = history.now();
    const answer = this.#checked('get', await call('get_value', { key }), key);
    if (answer.kind !== 'ok') return undefined;
    const { found, value, version } = answer.result as { found: boolean; value: unknown; version: number };
    this.#seen.set(key, version);
    return this.#record(key, invokedAt, { kind: 'read', version, value: found ? String(value) : undefined });
  }

  /** @returns the version of each key that holds a value, if there was an answer */
  async list(): Promise<ReadonlyMap<string, number> | undefined> {
    const { history, call } = this.#options;
    const invokedAt = history.now();
    const answer = this.#checked('list', await call('list_values', {}));
    if (answer.kind !== 'ok') return undefined;
    const { values } = answer.result as { values: { key: string; version: number }[] };
    const versions = new Map(values.map(({ key, version }) => [key, version]));
    for (const key of KEYS) {
      this.#record(key, invokedAt, { kind: 'read', version: versions.get(key) ?? 0, value: undefined });
    }
    return versions;
  }

  async #compareAndSet(key: string): Promise<void> {
    const seen = this.#seen.get(key) ?? (await this.get(key))?.version;
    if (seen === undefined) return;
    // Now and then one that must fail.
    const expected = this.#options.chance.is(0.15) ? seen + 1 : seen;
    await this.#store('compare and set', key, { expected_version: expected });
  }

  #storeOnce(key: string): Promise<void> {
    return this.#store('store once', key, { idempotency_key: `once-${this.#options.history.nextId()}` });
  }

  async #store(
    kind: Kind,
    key: string,
    options: { readonly expected_version?: number; readonly idempotency_key?: string },
  ): Promise<void> {
    const { session, name, history, call } = this.#options;
    this.#written += 1;
    const value = `${session}/${name}/${this.#written}`;
    const expected = options.expected_version;
    const invokedAt = history.now();
    const attempt = (): Promise<Answer> => call('store_value', { key, value, ...options });
    let answer = await attempt();
    let mayBeDone = answer.kind === 'unknown';
    for (let again = 0; again < REPETITIONS && options.idempotency_key !== undefined; again += 1) {
      if (answer.kind !== 'unknown' && answer.kind !== 'fail') break;
      answer = await attempt();
      mayBeDone ||= answer.kind === 'unknown';
    }
    if (answer.kind === 'fail' && mayBeDone) answer = { kind: 'unknown', why: answer.why };
    answer = this.#checked(kind, answer, key);
    if (answer.kind === 'conflict') this.#recordConflict(key, invokedAt, answer.version);
    if (answer.kind === 'ok') {
      const version = Number(answer.result['version']);
      this.#seen.set(key, version);
      this.#record(key, invokedAt, { kind: 'write', value, expected, version });
    }
    if (answer.kind === 'unknown')
      this.#recordUnknown(key, invokedAt, { kind: 'write', value, expected, version: undefined });
    if (answer.kind === 'fail') await this.#lookAt(key);
  }

  async #delete(key: string): Promise<void> {
    const { history, call } = this.#options;
    const invokedAt = history.now();
    const answer = this.#checked('delete', await call('delete_value', { key }), key);
    if (answer.kind === 'ok') {
      this.#seen.set(key, 0);
      this.#record(key, invokedAt, { kind: 'delete', deleted: answer.result['deleted'] === true });
    }
    if (answer.kind === 'unknown')
      this.#recordUnknown(key, invokedAt, { kind: 'delete', deleted: undefined });
    if (answer.kind === 'fail') await this.#lookAt(key);
  }

  /** What is said to have changed nothing is held to that at once, before others change it. */
  async #lookAt(key: string): Promise<void> {
    for (let look = 0; look < MOST_LOOKS && (await this.get(key)) === undefined; look += 1)
      await pause(LOOK_MS);
  }

  /** Counts the answer, and looks at whose it is. */
  #checked(kind: Kind, answer: Answer, key?: string): Answer {
    const { history, session, sessionId, name } = this.#options;
    history.count(kind, answer.kind === 'ok' || answer.kind === 'fail' ? answer.kind : outcomeOf(answer));
    if (answer.kind === 'wrong') {
      history.violation(`an answer that no fault explains, to ${kind}`, `${session}/${name}: ${answer.why}`);
    }
    if (answer.kind !== 'ok') return answer;
    const { session_id: answeredSession, key: answeredKey, value } = answer.result;
    const isOwn = answeredSession === undefined || answeredSession === sessionId;
    const isOwnValue = typeof value !== 'string' || value.startsWith(`${session}/`);
    if (!isOwn || !isOwnValue || (answeredKey !== undefined && answeredKey !== key)) {
      history.violation(
        'another session’s data, or another key’s',
        `${session}/${name}: ${kind} ${key}`,
        value,
      );
    }
    return answer;
  }

  /** A refusal tells what the key was at. */
  #recordConflict(key: string, invokedAt: number, version: number): void {
    this.#seen.set(key, version);
    this.#record(key, invokedAt, { kind: 'read', version, value: undefined });
  }

  #recordUnknown(key: string, invokedAt: number, what: Untimed<RegisterOperation>): void {
    this.#seen.delete(key);
    this.#record(key, invokedAt, what, Number.POSITIVE_INFINITY);
  }

  #record<What extends Untimed<RegisterOperation>>(
    key: string,
    invokedAt: number,
    what: What,
    endedAt = this.#options.history.now(),
  ) {
    const { history, session, name } = this.#options;
    const operation = { id: history.nextId(), invokedAt, endedAt, ...what };
    history.keyRecords.push({ session, key, client: name, operation: operation as RegisterOperation });
    return operation;
  }
}

/** A refusal for the version is an answer like any other. */
function outcomeOf({ kind }: Answer): 'ok' | 'unknown' {
  return kind === 'conflict' ? 'ok' : 'unknown';
}
