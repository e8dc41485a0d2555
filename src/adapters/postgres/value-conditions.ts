import { type SQL, sql } from 'drizzle-orm';
import { sessions, sessionValues } from './schema.ts';
import { bigintParameter, textParameter, timeParameter } from './statement.ts';

/** What every statement on a session's values is given. */
export interface OfSession {
  readonly ref: string;
  readonly now: number;
}

export const ref = textParameter('ref');
export const key = textParameter('key');
export const now = timeParameter('now');
export const expected = bigintParameter('expectedVersion');

export const isLiveAt = (ref: SQL, now: SQL): SQL =>
  sql`${sessions.ref} = ${ref} and ${sessions.expiresAt} > ${now}`;
export const isKeyOf = (ref: SQL, key: SQL): SQL =>
  sql`${sessionValues.sessionRef} = ${ref} and ${sessionValues.key} = ${key}`;
/** Expected is what is there, where something is expected. */
export const isVersion = (expected: SQL): SQL =>
  sql`(${expected} is null or ${sessionValues.version} = ${expected})`;

export const isLive = isLiveAt(ref, now);
export const isKey = isKeyOf(ref, key);
export const isExpected = isVersion(expected);

/** What the snapshot of a guarded write showed, beside what it wrote; no row where the session is gone. */
export interface Snapshot {
  /** The key's version, 0 where it holds no value. */
  readonly currentVersion: number;
}
