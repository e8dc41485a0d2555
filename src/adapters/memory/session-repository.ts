import { SessionExists, VersionConflict } from '../../domain/errors.ts';
import { INSTANCE_KEPT_MS } from '../../domain/limits.ts';
import type { LiveSession, Session, SessionChanges, SessionRef } from '../../domain/session.ts';
import { isExpired } from '../../domain/session.ts';
import { distinctKeysExceeded, keyConflict, keysExceeded, type StoredValue } from '../../domain/value.ts';

import type {
  SessionRepository,
  Swept,
  Touch,
  ValueDeletion,
  ValuePage,
  ValueQuery,
  ValueWrite,
} from '../../ports/session-repository.ts';
import { countValues, type MemoryData, type MemorySession, sessionOf } from './data.ts';

/**
 * The executable specification of the port. No method awaits between its check and its write, which makes
 * each of them atomic.
 */
export class MemorySessionRepository implements SessionRepository {
  readonly #data: MemoryData;

  constructor(data: MemoryData) {
    this.#data = data;
  }

  async create(session: Session): Promise<void> {
    if (this.#data.sessions.has(session.ref)) throw new SessionExists();
    this.#data.sessions.set(session.ref, { session, values: new Map(), streams: new Map() });
  }

  async find(ref: SessionRef, now: number): Promise<Session | undefined> {
    const found = this.#data.sessions.get(ref);
    if (found === undefined || isExpired(found.session, now)) return undefined;
    return sessionOf(found);
  }

  async updateIfVersion(
    ref: SessionRef,
    expectedVersion: number,
    changes: SessionChanges,
    now: number,
  ): Promise<Session> {
    const found = this.#data.live({ ref }, now);
    const { version } = found.session;
    if (version !== expectedVersion) throw new VersionConflict('the session', expectedVersion, version);
    found.session = { ...found.session, ...changes, version: version + 1 };
    return sessionOf(found);
  }

  async touch(touches: readonly Touch[], now: number): Promise<void> {
    for (const { ref, lastSeenAt, expiresAt } of touches) {
      const found = this.#data.sessions.get(ref);
      if (found === undefined || isExpired(found.session, now)) continue;
      found.session = {
        ...found.session,
        lastSeenAt: Math.max(found.session.lastSeenAt, lastSeenAt),
        expiresAt: Math.max(found.session.expiresAt, expiresAt),
      };
    }
  }

  async delete(ref: SessionRef, now: number): Promise<boolean> {
    const found = this.#data.sessions.get(ref);
    this.#data.remove(ref);
    return found !== undefined && !isExpired(found.session, now);
  }

  async deleteExpired(now: number, limit: number): Promise<Swept> {
    for (const [instance, { seenAt }] of this.#data.instances) {
      if (seenAt + INSTANCE_KEPT_MS <= now) this.#data.instances.delete(instance);
    }
    let deleted = 0;
    for (const [ref, { session, streams }] of this.#data.sessions) {
      if (isExpired(session, now) && deleted < limit) {
        this.#data.remove(ref);
        deleted += 1;
        continue;
      }
      for (const [stream, events] of streams) {
        if (events.every((event) => event.expiresAt <= now)) streams.delete(stream);
      }
    }
    return { sessions: deleted, mayBeMore: deleted === limit };
  }

  async storeValue(session: LiveSession, write: ValueWrite, now: number): Promise<number> {
    const found = this.#data.live(session, now);
    const previous = found.values.get(write.key);
    assertVersion(write, previous?.json === undefined ? 0 : previous.version);
    if (previous?.json === undefined) assertRoom(found, write, previous === undefined);
    const version = (previous?.version ?? 0) + 1;
    found.values.set(write.key, { json: write.json, version, updatedAt: now });
    return version;
  }

  async readValue(session: LiveSession, key: string, now: number): Promise<StoredValue | undefined> {
    const value = this.#data.live(session, now).values.get(key);
    if (value?.json === undefined) return undefined;
    return { key, json: value.json, version: value.version, updatedAt: value.updatedAt };
  }

  async deleteValue(session: LiveSession, deletion: ValueDeletion, now: number): Promise<boolean> {
    const { values } = this.#data.live(session, now);
    const value = values.get(deletion.key);
    assertVersion(deletion, value?.json === undefined ? 0 : value.version);
    if (value?.json === undefined) return false;
    values.set(deletion.key, { json: undefined, version: value.version, updatedAt: now });
    return true;
  }

  async listValues(session: LiveSession, query: ValueQuery, now: number): Promise<ValuePage> {
    const after = query.after === undefined ? undefined : Buffer.from(query.after);
    const matching = [...this.#data.live(session, now).values]
      .filter(([key, value]) => value.json !== undefined && key.startsWith(query.prefix))
      .map(([key, { version, updatedAt }]) => ({ bytes: Buffer.from(key), key, version, updatedAt }))
      .filter(({ bytes }) => after === undefined || Buffer.compare(bytes, after) > 0)
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    return {
      values: matching.slice(0, query.limit).map(({ bytes: _, ...summary }) => summary),
      more: matching.length > query.limit,
    };
  }
}

function assertVersion(
  { key, expectedVersion }: { readonly key: string; readonly expectedVersion?: number | undefined },
  current: number,
): void {
  if (expectedVersion !== undefined && expectedVersion !== current) {
    throw keyConflict(key, expectedVersion, current);
  }
}

function assertRoom(found: MemorySession, { limits }: ValueWrite, isNewKey: boolean): void {
  if (countValues(found) >= limits.keys) throw keysExceeded(limits.keys);
  if (isNewKey && found.values.size >= limits.distinctKeys) throw distinctKeysExceeded(limits.distinctKeys);
}
