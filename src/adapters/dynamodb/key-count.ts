import { randomUUID } from 'node:crypto';
import { type DurableMcpError, StoreUnavailable } from '../../domain/errors.ts';
import type { SessionRef } from '../../domain/session.ts';
import { distinctKeysExceeded, keysExceeded } from '../../domain/value.ts';
import type { ValueWrite } from '../../ports/session-repository.ts';
import type { SessionItem, Tables } from './entities.ts';
import { pause } from './pause.ts';
import { liveOrThrow, readSession } from './session-items.ts';

/**
 * How long after it was last raised a count may include a key whose value is still to be written: the longest
 * that a request can be on its way (3 attempts of 5 s), and a generous difference between two clocks.
 */
const SETTLED_AFTER_MS = 60_000;
/** A recount reads every value of the session: of 10,000 at 256 KiB, that is 655,000 read units. */
const RECOUNT_EVERY_MS = 60_000;
const ATTEMPTS = 30;

export type Place =
  | { readonly taken: true }
  /** `settled`: no other writer can be on its way, so that looking again is pointless. */
  | { readonly taken: false; readonly refusal: DurableMcpError; readonly settled: boolean };

/**
 * The number of a session's keys, kept on the session item and raised *before* a value becomes visible: a
 * writer that dies in between leaves a count that is too high, never one that is too low. At the limit, a
 * count that has settled is compared with what is there.
 */
export class KeyCount {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Makes room for one more value. @throws SessionNotFound: this is what fences writers of new keys */
  async take(ref: SessionRef, newKey: boolean, limits: ValueWrite['limits'], now: number): Promise<Place> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const countId: string = randomUUID();
      const raised = await this.#tables.sessions
        .patch({ ref })
        .set({ countId, countedAt: now })
        .add(newKey ? { valueCount: 1, keyCount: 1 } : { valueCount: 1 })
        .where(
          (item, { gt, lt, ne }) =>
            `${gt(item.expiresAt, now)} AND ${lt(item.valueCount, limits.keys)} AND ${ne(item.countId, countId)}` +
            (newKey ? ` AND ${lt(item.keyCount, limits.distinctKeys)}` : ''),
        )
        .go({ response: 'none', returnOnConditionCheckFailure: 'all_old' });
      if (!raised.rejected) return { taken: true };
      const stored = liveOrThrow(raised.data ?? (await readSession(this.#tables, ref)), now);
      if (stored.countId === countId) return { taken: true };
      const refusal = refusalOf(stored, newKey, limits);
      if (refusal === undefined) {
        await pause(attempt);
        continue;
      }
      if (now - stored.countedAt < SETTLED_AFTER_MS) return { taken: false, refusal, settled: false };
      if (now - stored.recountedAt < RECOUNT_EVERY_MS || !(await this.#recount(stored, now))) {
        return { taken: false, refusal, settled: true };
      }
    }
    throw new StoreUnavailable({ cause: new Error(`${ATTEMPTS} attempts to count a key met others`) });
  }

  /**
   * Gives a place back: the value was deleted, or it was never written. A session that is gone needs none. Never sent
   * twice, unlike what takes a place: the count may be too high, and not too low.
   */
  async giveBack(ref: SessionRef, newKey = false): Promise<void> {
    await this.#tables.unrepeated.sessions
      .patch({ ref })
      .set({ countId: randomUUID() })
      .add(newKey ? { valueCount: -1, keyCount: -1 } : { valueCount: -1 })
      .go({ response: 'none', returnOnConditionCheckFailure: true });
  }

  /** @returns whether the counts were too high, or have moved meanwhile: either way it is worth another try */
  async #recount({ ref, countId, valueCount, keyCount }: SessionItem, now: number): Promise<boolean> {
    const found = { valueCount: 0, keyCount: 0 };
    let start: CountPage['LastEvaluatedKey'];
    do {
      const { data } = await this.#tables.values.query
        .primary({ ref })
        // Whoever deleted a key a moment ago may not have given its place back yet, and would do so twice.
        .where(
          (item, { notExists, gt }) =>
            `${notExists(item.deleted)} OR ${gt(item.updatedAt, now - SETTLED_AFTER_MS)}`,
        )
        .go({ consistent: true, data: 'raw', params: { Select: 'COUNT', ExclusiveStartKey: start } });
      const page = data as unknown as CountPage;
      found.valueCount += page.Count;
      found.keyCount += page.ScannedCount;
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
    const { rejected } = await this.#tables.sessions
      .patch({ ref })
      .set({ ...found, countId: randomUUID(), recountedAt: now })
      .where((item, { eq }) => eq(item.countId, countId))
      .go({ response: 'none', returnOnConditionCheckFailure: true });
    return rejected || found.valueCount < valueCount || found.keyCount < keyCount;
  }
}

/** What DynamoDB answers to `Select: 'COUNT'`; the filter applies to `Count` only. */
export interface CountPage {
  readonly Count: number;
  readonly ScannedCount: number;
  readonly LastEvaluatedKey?: object | undefined;
}

function refusalOf(
  stored: SessionItem,
  newKey: boolean,
  limits: ValueWrite['limits'],
): DurableMcpError | undefined {
  if (stored.valueCount >= limits.keys) return keysExceeded(limits.keys);
  if (newKey && stored.keyCount >= limits.distinctKeys) return distinctKeysExceeded(limits.distinctKeys);
  return undefined;
}
