import { randomUUID } from 'node:crypto';
import { SessionExists, VersionConflict } from '../../domain/errors.ts';
import {
  isExpired,
  type LiveSession,
  type Session,
  type SessionChanges,
  type SessionRef,
} from '../../domain/session.ts';
import type { StoredValue } from '../../domain/value.ts';
import type {
  SessionRepository,
  Swept,
  Touch,
  ValueDeletion,
  ValuePage,
  ValueQuery,
  ValueWrite,
} from '../../ports/session-repository.ts';
import { type Tables, ttlOf } from './entities.ts';
import { inDomainErrors } from './errors.ts';
import { inBatches } from './in-batches.ts';
import { deletePartition } from './partition.ts';
import { liveOrThrow, readSession, toItem, toSession } from './session-items.ts';
import { deleteListing, putListing } from './session-listings.ts';
import { listValues } from './value-list.ts';
import { ValueStore } from './values.ts';

const CONCURRENT_TOUCHES = 25;

export class DynamodbSessionRepository implements SessionRepository {
  readonly #tables: Tables;
  readonly #values: ValueStore;

  constructor(tables: Tables, onError: (error: unknown) => void) {
    this.#tables = tables;
    this.#values = new ValueStore(tables, onError);
  }

  create(session: Session): Promise<void> {
    return inDomainErrors(async () => {
      const writeId = randomUUID();
      const item = toItem(session, writeId);
      await putListing(this.#tables, item);
      const { rejected } = await this.#tables.sessions
        .create(item)
        .go({ response: 'none', returnOnConditionCheckFailure: true });
      if (!rejected) return;
      // A request whose answer was lost is sent again, and then meets the session that it made itself.
      const stored = await readSession(this.#tables, session.ref);
      if (stored?.writeId !== writeId) throw new SessionExists();
    });
  }

  find(ref: SessionRef, now: number): Promise<Session | undefined> {
    return inDomainErrors(async () => {
      const item = await readSession(this.#tables, ref);
      return item === undefined || isExpired(item, now) ? undefined : toSession(item);
    });
  }

  updateIfVersion(
    ref: SessionRef,
    expectedVersion: number,
    { logLevel, subscriptions }: SessionChanges,
    now: number,
  ): Promise<Session> {
    return inDomainErrors(async () => {
      const writeId = randomUUID();
      const updated = await this.#tables.sessions
        .patch({ ref })
        .set({
          writeId,
          ...(logLevel === undefined ? {} : { logLevel }),
          ...(subscriptions === undefined ? {} : { subscriptions: [...subscriptions] }),
        })
        .add({ version: 1 })
        .where((item, { eq, gt }) => `${eq(item.version, expectedVersion)} AND ${gt(item.expiresAt, now)}`)
        .go({ response: 'all_new', returnOnConditionCheckFailure: true });
      if (!updated.rejected) return toSession(updated.data);
      const stored = liveOrThrow(await readSession(this.#tables, ref), now);
      if (stored.writeId === writeId) return toSession(stored);
      throw new VersionConflict('the session', expectedVersion, stored.version);
    });
  }

  touch(touches: readonly Touch[], now: number): Promise<void> {
    return inDomainErrors(() => inBatches(touches, CONCURRENT_TOUCHES, (touch) => this.#touch(touch, now)));
  }

  /**
   * One request, if both times move forward. Otherwise each goes by itself, so that neither can move back.
   */
  async #touch({ ref, lastSeenAt, expiresAt }: Touch, now: number): Promise<void> {
    const { sessions } = this.#tables;
    const expiry = { expiresAt, ttl: ttlOf(expiresAt) };
    const together = await sessions
      .patch({ ref })
      .set({ lastSeenAt, ...expiry })
      .where(
        (item, { gt, lte, gte }) =>
          `${gt(item.expiresAt, now)} AND ${lte(item.lastSeenAt, lastSeenAt)} AND ` +
          `${lte(item.expiresAt, expiresAt)} AND ${gte(item.endsAt, expiresAt)}`,
      )
      .go({ response: 'none', returnOnConditionCheckFailure: 'all_old' });
    if (!together.rejected) return;
    if (together.data !== null && isExpired(together.data, now)) return;
    await sessions
      .patch({ ref })
      .set({ lastSeenAt })
      .where((item, { gt, lt }) => `${gt(item.expiresAt, now)} AND ${lt(item.lastSeenAt, lastSeenAt)}`)
      .go({ response: 'none', returnOnConditionCheckFailure: true });
    await sessions
      .patch({ ref })
      .set(expiry)
      .where(
        (item, { gt, lt, gte }) =>
          `${gt(item.expiresAt, now)} AND ${lt(item.expiresAt, expiresAt)} AND ${gte(item.endsAt, expiresAt)}`,
      )
      .go({ response: 'none', returnOnConditionCheckFailure: true });
  }

  /** The session item goes first: from then on no key can be counted, and so none be added. */
  delete(ref: SessionRef, now: number): Promise<boolean> {
    return inDomainErrors(async () => {
      const { data } = await this.#tables.sessions.delete({ ref }).go({ response: 'all_old' });
      await Promise.all([
        deletePartition(this.#tables, ref),
        data === null ? undefined : deleteListing(this.#tables, data),
      ]);
      return data !== null && !isExpired(data, now);
    });
  }

  /** DynamoDB removes expired items by their TTL attribute. */
  async deleteExpired(): Promise<Swept> {
    return { sessions: 0, mayBeMore: false };
  }

  storeValue(session: LiveSession, write: ValueWrite, now: number): Promise<number> {
    return inDomainErrors(() => this.#values.store(session, write, now));
  }

  readValue(session: LiveSession, key: string, now: number): Promise<StoredValue | undefined> {
    return inDomainErrors(() => this.#values.read(session, key, now));
  }

  deleteValue(session: LiveSession, deletion: ValueDeletion, now: number): Promise<boolean> {
    return inDomainErrors(() => this.#values.delete(session, deletion, now));
  }

  listValues(session: LiveSession, query: ValueQuery, now: number): Promise<ValuePage> {
    return inDomainErrors(() => listValues(this.#tables, session, query, now));
  }
}
