import { SessionNotFound } from '../../domain/errors.ts';
import type { SessionRef } from '../../domain/session.ts';
import { distinctKeysExceeded, keyConflict, keysExceeded, type StoredValue } from '../../domain/value.ts';
import type { ValueDeletion, ValuePage, ValueQuery, ValueWrite } from '../../ports/session-repository.ts';
import type { Database } from './database.ts';
import { sqlState } from './errors.ts';
import { FilledKeys } from './filled-keys.ts';
import { GatheredStatement } from './gathered-statement.ts';
import { overwriteSessionValue, overwriteSessionValues } from './overwrite-value-statements.ts';
import { afterPrefix } from './prefix.ts';
import { readSessionValue, readSessionValues } from './read-value-statements.ts';
import { LOST_RACE, untilCertain } from './retry.ts';
import { storeSessionValue } from './store-value-statement.ts';
import { deleteSessionValue, listSessionValues } from './value-statements.ts';

/**
 * In UTF-16 units. In a list each quote is escaped, here and by the server: beyond this, that takes longer than the
 * statement that is saved, and with sixteen of the largest values nothing else happens for a third of a second.
 */
const LONGEST_IN_LIST = 2_048;

/** The values of sessions. What each statement guarantees is told at the statement. */
export class SessionValues {
  readonly #database: Database;
  readonly #reads;
  readonly #overwrites;
  readonly #filled = new FilledKeys();

  constructor(database: Database) {
    this.#database = database;
    this.#reads = new GatheredStatement(database, { one: readSessionValue, many: readSessionValues });
    this.#overwrites = new GatheredStatement(database, {
      one: overwriteSessionValue,
      many: overwriteSessionValues,
      isLarge: ({ json }) => json.length > LONGEST_IN_LIST,
    });
  }

  async store(ref: SessionRef, write: ValueWrite, now: number): Promise<number> {
    const { key, json, expectedVersion = null } = write;
    // A key that is expected to be empty is never overwritten.
    if (expectedVersion !== 0 && this.#filled.probablyHas(ref, key)) {
      const row = await this.#overwrites.run({ ref, key, json, expectedVersion, now });
      if (row !== undefined) {
        this.#filled.found(ref, key, true);
        return row.version;
      }
    }
    return this.#storeAnyway(ref, write, now);
  }

  #storeAnyway(ref: SessionRef, write: ValueWrite, now: number): Promise<number> {
    const { key, json, expectedVersion, limits } = write;
    return untilCertain(async () => {
      const rows = await this.#database
        .run(storeSessionValue, {
          ref,
          key,
          json,
          expectedVersion: expectedVersion ?? null,
          keys: limits.keys,
          distinctKeys: limits.distinctKeys,
          now,
        })
        .catch(lostRaceOrThrow);
      if (rows === LOST_RACE) return LOST_RACE;
      const [row] = rows;
      if (row === undefined) throw new SessionNotFound();
      this.#filled.found(ref, key, row.currentVersion > 0);
      if (row.version !== null) {
        this.#filled.add(ref, key);
        return row.version;
      }
      // Nothing was written. The snapshot says why; if it does not, it was older than a racer's write.
      if (expectedVersion !== undefined && expectedVersion !== row.currentVersion) {
        throw keyConflict(key, expectedVersion, row.currentVersion);
      }
      if (row.currentVersion > 0) return LOST_RACE;
      if (row.valueCount >= limits.keys) throw keysExceeded(limits.keys);
      if (!row.known && row.keyCount >= limits.distinctKeys) throw distinctKeysExceeded(limits.distinctKeys);
      return LOST_RACE;
    });
  }

  async read(ref: SessionRef, key: string, now: number): Promise<StoredValue | undefined> {
    const row = await this.#reads.run({ ref, key, now });
    if (row === undefined) throw new SessionNotFound();
    if (row.json === null) return undefined;
    this.#filled.add(ref, key);
    const { json, version, updatedAt } = row;
    return { key, json, version, updatedAt };
  }

  delete(ref: SessionRef, { key, expectedVersion }: ValueDeletion, now: number): Promise<boolean> {
    this.#filled.delete(ref, key);
    return untilCertain(async () => {
      const [row] = await this.#database.run(deleteSessionValue, {
        ref,
        key,
        expectedVersion: expectedVersion ?? null,
        now,
      });
      if (row === undefined) throw new SessionNotFound();
      if (row.deleted) return true;
      if (expectedVersion !== undefined && expectedVersion !== row.currentVersion) {
        throw keyConflict(key, expectedVersion, row.currentVersion);
      }
      return row.currentVersion === 0 ? false : LOST_RACE;
    });
  }

  async list(ref: SessionRef, { prefix, after = '', limit }: ValueQuery, now: number): Promise<ValuePage> {
    const rows = await this.#database.run(listSessionValues, {
      ref,
      from: prefix,
      to: afterPrefix(prefix),
      after,
      // One more than asked for tells whether more follow.
      limit: limit + 1,
      now,
    });
    if (rows.length === 0) throw new SessionNotFound();
    const found = rows.filter((row) => row.key !== null);
    return { values: found.slice(0, limit), more: found.length > limit };
  }
}

/** not_null_violation: a racer made the key first, see {@link storeSessionValue}. */
function lostRaceOrThrow(error: unknown): typeof LOST_RACE {
  if (sqlState(error) === '23502') return LOST_RACE;
  throw error;
}
