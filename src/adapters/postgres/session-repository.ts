import { SessionExists, SessionNotFound, VersionConflict } from '../../domain/errors.ts';
import { INSTANCE_KEPT_MS } from '../../domain/limits.ts';
import type { LiveSession, Session, SessionChanges, SessionRef } from '../../domain/session.ts';
import type { StoredValue } from '../../domain/value.ts';
import type {
  SessionRepository,
  Touch,
  ValueDeletion,
  ValuePage,
  ValueQuery,
  ValueWrite,
} from '../../ports/session-repository.ts';
import { assertFit } from './circumstances.ts';
import type { Database } from './database.ts';
import { LOST_RACE, untilCertain } from './retry.ts';
import { sessionOf } from './session-row.ts';
import {
  createSession,
  deleteSession,
  findSession,
  touchSessions,
  updateSessionIfVersion,
} from './session-statements.ts';
import { SessionValues } from './session-values.ts';
import { sweepContents, sweepEvents, sweepInstances, sweepSessions } from './sweep-statements.ts';

/** Sessions in PostgreSQL; their values are in {@link SessionValues}. */
export class PostgresSessionRepository implements SessionRepository {
  readonly #database: Database;
  readonly #values: SessionValues;

  constructor(database: Database) {
    this.#database = database;
    this.#values = new SessionValues(database);
  }

  async create({ principal, initialize, subscriptions, ...session }: Session): Promise<void> {
    const [created] = await this.#database.run(createSession, {
      ...session,
      principalIssuer: principal?.issuer ?? null,
      principalSubject: principal?.subject ?? null,
      initialize: initialize === undefined ? null : JSON.stringify(initialize),
      subscriptions: JSON.stringify(subscriptions),
      protocolVersion: session.protocolVersion ?? null,
      logLevel: session.logLevel ?? null,
      idleMs: session.idleMs ?? null,
    });
    if (created === undefined) throw new SessionExists();
  }

  async find(ref: SessionRef, now: number): Promise<Session | undefined> {
    const [row] = await this.#database.run(findSession, { ref, now });
    return row === undefined ? undefined : sessionOf(row);
  }

  updateIfVersion(
    ref: SessionRef,
    expectedVersion: number,
    { logLevel, subscriptions }: SessionChanges,
    now: number,
  ): Promise<Session> {
    return untilCertain(async () => {
      const [row] = await this.#database.run(updateSessionIfVersion, {
        ref,
        expectedVersion,
        logLevel: logLevel ?? null,
        subscriptions: subscriptions === undefined ? null : JSON.stringify(subscriptions),
        now,
      });
      if (row === undefined) throw new SessionNotFound();
      if (row.ref !== null) return sessionOf(row);
      if (row.currentVersion === expectedVersion) return LOST_RACE;
      throw new VersionConflict('the session', expectedVersion, row.currentVersion);
    });
  }

  async touch(touches: readonly Touch[], now: number): Promise<void> {
    if (touches.length === 0) return;
    await this.#database.run(touchSessions, {
      refs: touches.map(({ ref }) => ref),
      lastSeenAts: touches.map(({ lastSeenAt }) => lastSeenAt),
      expiresAts: touches.map(({ expiresAt }) => expiresAt),
      now,
    });
  }

  async delete(ref: SessionRef, now: number): Promise<boolean> {
    const [deleted] = await this.#database.run(deleteSession, { ref, now });
    return deleted?.wasLive ?? false;
  }

  async deleteExpired(now: number, limit: number): Promise<boolean> {
    // Whose clock is wrong must not remove what others serve.
    await assertFit(this.#database);
    // Events before sessions, which go only once they hold nothing.
    const removed = [
      await this.#database.run(sweepEvents, { now, limit }),
      await this.#database.run(sweepContents, { now, limit }),
      await this.#database.run(sweepSessions, { now, limit }),
      await this.#database.run(sweepInstances, { before: now - INSTANCE_KEPT_MS, limit }),
    ];
    return removed.some(([swept]) => swept !== undefined && swept.removed > 0);
  }

  storeValue(session: LiveSession, write: ValueWrite, now: number): Promise<number> {
    return this.#values.store(session.ref, write, now);
  }

  readValue(session: LiveSession, key: string, now: number): Promise<StoredValue | undefined> {
    return this.#values.read(session.ref, key, now);
  }

  deleteValue(session: LiveSession, deletion: ValueDeletion, now: number): Promise<boolean> {
    return this.#values.delete(session.ref, deletion, now);
  }

  listValues(session: LiveSession, query: ValueQuery, now: number): Promise<ValuePage> {
    return this.#values.list(session.ref, query, now);
  }
}
