import { type SQL, sql } from 'drizzle-orm';
import type { InitializeParams, Session, SessionRef } from '../../domain/session.ts';
import { sessions } from './schema.ts';
import { milliseconds } from './statement.ts';

/** A session as {@link sessionColumns} select it. */
export interface SessionRow {
  readonly ref: string;
  readonly principalIssuer: string | null;
  readonly principalSubject: string | null;
  /** JSON text, like `subscriptions`: as text it is parsed here, and not by pg for rows that need no object. */
  readonly initialize: string | null;
  readonly protocolVersion: string | null;
  readonly logLevel: string | null;
  readonly subscriptions: string;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly expiresAt: number;
  readonly endsAt: number;
  readonly idleMs: number | null;
  readonly version: number;
  readonly valueCount: number;
}

export const sessionColumns: SQL = sql`
  ${sessions.ref} as "ref",
  ${sessions.principalIssuer} as "principalIssuer",
  ${sessions.principalSubject} as "principalSubject",
  ${sessions.initialize}::text as "initialize",
  ${sessions.protocolVersion} as "protocolVersion",
  ${sessions.logLevel} as "logLevel",
  ${sessions.subscriptions}::text as "subscriptions",
  ${milliseconds(sessions.createdAt)} as "createdAt",
  ${milliseconds(sessions.lastSeenAt)} as "lastSeenAt",
  ${milliseconds(sessions.expiresAt)} as "expiresAt",
  ${milliseconds(sessions.endsAt)} as "endsAt",
  ${sessions.idleMs}::float8 as "idleMs",
  ${sessions.version} as "version",
  ${sessions.valueCount} as "valueCount"`;

export function sessionOf(row: SessionRow): Session {
  const { principalIssuer: issuer, principalSubject: subject } = row;
  return {
    ref: row.ref as SessionRef,
    principal: issuer === null || subject === null ? undefined : { issuer, subject },
    initialize: row.initialize === null ? undefined : (JSON.parse(row.initialize) as InitializeParams),
    protocolVersion: row.protocolVersion ?? undefined,
    logLevel: row.logLevel ?? undefined,
    subscriptions: JSON.parse(row.subscriptions) as string[],
    createdAt: row.createdAt,
    lastSeenAt: row.lastSeenAt,
    expiresAt: row.expiresAt,
    endsAt: row.endsAt,
    idleMs: row.idleMs ?? undefined,
    version: row.version,
    valueCount: row.valueCount,
  };
}
