import { randomUUID } from 'node:crypto';
import { StoreUnavailable } from '../../domain/errors.ts';
import type { LiveSession, SessionRef } from '../../domain/session.ts';
import { keyConflict, type StoredValue } from '../../domain/value.ts';
import type { ValueDeletion, ValueWrite } from '../../ports/session-repository.ts';
import { batchGet } from './batches.ts';
import { sessionKey, type Tables, ttlOf, type ValueItem, valueKey } from './entities.ts';
import { domainError, mayBeDone } from './errors.ts';
import { KeyCount } from './key-count.ts';
import { pause } from './pause.ts';
import { assertNotExpired, liveOrThrow } from './session-items.ts';

const ATTEMPTS = 30;
/** How often a writer looks again at a limit where others may be about to give their places back. */
const LOOKS_AT_LIMIT = 3;

/** One attempt to write. `version` is set if it succeeded; else `current` is what was in the way, if known. */
interface Attempt {
  readonly version?: number | undefined;
  readonly current?: ValueItem | undefined;
}

export class ValueStore {
  readonly #tables: Tables;
  readonly #count: KeyCount;
  readonly #onError: (error: unknown) => void;

  constructor(tables: Tables, onError: (error: unknown) => void) {
    this.#tables = tables;
    this.#count = new KeyCount(tables);
    this.#onError = onError;
  }

  /**
   * Overwriting is one request. A new key costs two more: its place is counted on the session item, which
   * also proves that the session is there, and then the value is written.
   */
  async store(session: LiveSession, write: ValueWrite, now: number): Promise<number> {
    await assertNotExpired(this.#tables, session, now);
    const writeId = randomUUID();
    try {
      return await this.#store(session, write, writeId, now);
    } catch (error) {
      const { version } = await this.#seen(error, session.ref, write.key, writeId, now);
      return version;
    }
  }

  async #store(session: LiveSession, write: ValueWrite, writeId: string, now: number): Promise<number> {
    const { key, expectedVersion, limits } = write;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      let current: ValueItem | undefined;
      if (expectedVersion !== 0) {
        const overwritten = await this.#overwrite(session, write, writeId, now);
        if (overwritten.version !== undefined) return overwritten.version;
        current = overwritten.current;
      }
      // At first, that no item was reported is taken to mean that there is none: not every engine reports it.
      if (attempt > 0 || expectedVersion !== undefined) {
        current = await this.#look(session.ref, key, now);
        const version = current?.json === undefined ? 0 : current.version;
        if (expectedVersion !== undefined && expectedVersion !== version) {
          throw keyConflict(key, expectedVersion, version);
        }
      }
      if (current?.json === undefined) {
        const place = await this.#count.take(session.ref, current === undefined, limits, now);
        if (place.taken) {
          const version = await this.#bringToLife(session, write, current, writeId, now);
          if (version !== undefined) return version;
        } else if (attempt > 0 && (place.settled || attempt >= LOOKS_AT_LIMIT)) {
          throw place.refusal;
        }
      }
      await pause(attempt);
    }
    throw new StoreUnavailable({ cause: new Error(`${ATTEMPTS} attempts to write one key met others`) });
  }

  async read(session: LiveSession, key: string, now: number): Promise<StoredValue | undefined> {
    const item = await this.#look(session.ref, key, now);
    if (item?.json === undefined) return undefined;
    return { key, json: item.json, version: item.version, updatedAt: item.updatedAt };
  }

  /** Exactly one of several deleters makes the mark, and counts down. */
  async delete(session: LiveSession, deletion: ValueDeletion, now: number): Promise<boolean> {
    await assertNotExpired(this.#tables, session, now);
    const writeId = randomUUID();
    try {
      return await this.#delete(session, deletion, writeId, now);
    } catch (error) {
      await this.#seen(error, session.ref, deletion.key, writeId, now);
      return this.#deleted(session.ref);
    }
  }

  async #delete(
    { ref }: LiveSession,
    { key, expectedVersion }: ValueDeletion,
    writeId: string,
    now: number,
  ): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (expectedVersion !== 0) {
        const { rejected } = await this.#tables.unrepeated.values
          .patch({ ref, key })
          .set({ deleted: true, updatedAt: now, writeId })
          .remove(['json'])
          .where(
            (item, { notExists, eq }) =>
              notExists(item.deleted) +
              (expectedVersion === undefined ? '' : ` AND ${eq(item.version, expectedVersion)}`),
          )
          .go({ response: 'none', returnOnConditionCheckFailure: true });
        if (!rejected) return this.#deleted(ref);
      }
      const current = await this.#look(ref, key, now);
      const version = current?.json === undefined ? 0 : current.version;
      if (expectedVersion !== undefined && expectedVersion !== version) {
        throw keyConflict(key, expectedVersion, version);
      }
      if (version === 0) return false;
      await pause(attempt);
    }
    throw new StoreUnavailable({ cause: new Error(`${ATTEMPTS} attempts to delete one key met others`) });
  }

  async #overwrite(
    { ref }: LiveSession,
    { key, json, expectedVersion }: ValueWrite,
    writeId: string,
    now: number,
  ): Promise<Attempt> {
    const written = await this.#tables.unrepeated.values
      .patch({ ref, key })
      .set({ json, updatedAt: now, writeId })
      .add({ version: 1 })
      .where(
        (item, { notExists, eq }) =>
          notExists(item.deleted) +
          (expectedVersion === undefined ? '' : ` AND ${eq(item.version, expectedVersion)}`),
      )
      .go({
        // What an update returns includes the value it was sent; where the version is known, nothing is needed.
        response: expectedVersion === undefined ? 'updated_new' : 'none',
        returnOnConditionCheckFailure: 'all_old',
      });
    if (written.rejected) return { current: written.data ?? undefined };
    if (expectedVersion !== undefined) return { version: expectedVersion + 1 };
    return { version: (written.data as ValueItem).version };
  }

  /** Writes a key that holds nothing, after its place was taken, or gives the place back. */
  async #bringToLife(
    session: LiveSession,
    write: ValueWrite,
    mark: ValueItem | undefined,
    writeId: string,
    now: number,
  ): Promise<number | undefined> {
    const { ref, endsAt } = session;
    const { key, json } = write;
    const version = (mark?.version ?? 0) + 1;
    const { values } = this.#tables.unrepeated;
    const writing =
      mark === undefined
        ? values
            .create({ ref, key, json, version, updatedAt: now, writeId, ttl: ttlOf(endsAt) })
            .go({ response: 'none', returnOnConditionCheckFailure: true })
        : values
            .patch({ ref, key })
            .set({ json, version, updatedAt: now, writeId })
            .remove(['deleted'])
            .where((item, { exists, eq }) => `${exists(item.deleted)} AND ${eq(item.version, mark.version)}`)
            .go({ response: 'none', returnOnConditionCheckFailure: true });
    const { rejected } = await writing.catch(async (error: unknown) => {
      // Unavailable may mean written: then the place must stay taken. Anything else means not written.
      if (!(domainError(error) instanceof StoreUnavailable)) await this.#giveBack(ref, mark === undefined);
      throw error;
    });
    if (!rejected) return version;
    await this.#giveBack(ref, mark === undefined);
    return undefined;
  }

  /**
   * What this writer wrote, where the answer to it is missing but the key still holds it. Otherwise throws `error`:
   * another may have written over it since, and the request may still be on its way.
   */
  async #seen(
    error: unknown,
    ref: SessionRef,
    key: string,
    writeId: string,
    now: number,
  ): Promise<ValueItem> {
    if (!(domainError(error) instanceof StoreUnavailable) || !mayBeDone(error)) throw error;
    const current = await this.#look(ref, key, now);
    if (current?.writeId !== writeId) throw error;
    return current;
  }

  async #deleted(ref: SessionRef): Promise<true> {
    await this.#giveBack(ref, false);
    return true;
  }

  /**
   * A place that cannot be given back makes the count too high, which a recount mends. It does not change
   * what became of the value, so the caller is not told.
   */
  async #giveBack(ref: SessionRef, newKey: boolean): Promise<void> {
    await this.#count.giveBack(ref, newKey).catch((error: unknown) => this.#onError(domainError(error)));
  }

  /** The key's item, a mark included, and the session in one consistent request. @throws SessionNotFound */
  async #look(ref: SessionRef, key: string, now: number): Promise<ValueItem | undefined> {
    const { client, sessionsTable, sessions, values } = this.#tables;
    const keys = [sessionKey(this.#tables, ref), valueKey(this.#tables, ref, key)] as const;
    const items = await batchGet(client, sessionsTable, keys);
    const [session, value] = keys.map(({ sk }) => items.find((item) => item['sk'] === sk));
    liveOrThrow(session && (sessions.parse({ Item: session }).data ?? undefined), now);
    return value && (values.parse({ Item: value }).data ?? undefined);
  }
}
