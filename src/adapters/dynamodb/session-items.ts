import { SessionNotFound } from '../../domain/errors.ts';
import {
  type InitializeParams,
  isExpired,
  type LiveSession,
  type Session,
  type SessionRef,
} from '../../domain/session.ts';
import { type SessionItem, type Tables, ttlOf } from './entities.ts';

export function toItem(session: Session, writeId: string): SessionItem {
  const { principal, initialize, subscriptions, ...rest } = session;
  return {
    ...withoutUndefined(rest),
    ...(principal === undefined ? {} : { issuer: principal.issuer, subject: principal.subject }),
    ...(initialize === undefined ? {} : { initialize: JSON.stringify(initialize) }),
    subscriptions: [...subscriptions],
    keyCount: session.valueCount,
    countedAt: 0,
    recountedAt: 0,
    countId: writeId,
    writeId,
    ttl: ttlOf(session.expiresAt),
  };
}

export function toSession(item: SessionItem): Session {
  return {
    ref: item.ref as SessionRef,
    principal:
      item.issuer === undefined || item.subject === undefined
        ? undefined
        : { issuer: item.issuer, subject: item.subject },
    initialize: item.initialize === undefined ? undefined : (JSON.parse(item.initialize) as InitializeParams),
    protocolVersion: item.protocolVersion,
    logLevel: item.logLevel,
    subscriptions: item.subscriptions,
    createdAt: item.createdAt,
    lastSeenAt: item.lastSeenAt,
    expiresAt: item.expiresAt,
    endsAt: item.endsAt,
    idleMs: item.idleMs,
    version: item.version,
    valueCount: item.valueCount,
  };
}

/** One consistent read. */
export async function readSession(tables: Tables, ref: SessionRef): Promise<SessionItem | undefined> {
  const { data } = await tables.sessions.get({ ref }).go({ consistent: true });
  return data ?? undefined;
}

export function liveOrThrow(item: SessionItem | undefined, now: number): SessionItem {
  if (item === undefined || isExpired(item, now)) throw new SessionNotFound();
  return item;
}

/** Costs one consistent read. @throws SessionNotFound */
export async function assertStored(tables: Tables, ref: SessionRef, now: number): Promise<void> {
  liveOrThrow(await readSession(tables, ref), now);
}

/**
 * Looks at the stored session only where the caller's record says that it has expired: expiry moves forward
 * only, so before that instant the record can be trusted. @throws SessionNotFound
 */
export async function assertNotExpired(tables: Tables, session: LiveSession, now: number): Promise<void> {
  if (isExpired(session, now)) await assertStored(tables, session.ref, now);
}

function withoutUndefined<T extends object>(fields: T): { [F in keyof T]: Exclude<T[F], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [F in keyof T]: Exclude<T[F], undefined>;
  };
}
