import { sql } from 'drizzle-orm';
import type { PgColumnBuilderBase } from 'drizzle-orm/pg-core';
import {
  bigint,
  boolean,
  check,
  customType,
  foreignKey,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';
import type { LoggedEvent } from '../../domain/event.ts';
import type { Session } from '../../domain/session.ts';
import type { StoredValue } from '../../domain/value.ts';

/** Text that is compared and sorted by the bytes of its UTF-8 form, whatever the database's own collation. */
const bytewise = customType<{ data: string }>({ dataType: () => 'text collate "C"' });

/** Unix milliseconds to the millisecond. */
const instant = (name: string) => timestamp(name, { precision: 3, withTimezone: true });

type Columns<Field extends string> = Readonly<Record<Field, PgColumnBuilderBase>>;

/** Sessions: one row each, which all other rows hang from and go with. */
export const sessions = pgTable(
  'mcp_sessions',
  {
    ref: bytewise('ref').primaryKey(),
    principalIssuer: text('principal_issuer'),
    principalSubject: text('principal_subject'),
    initialize: json('initialize'),
    protocolVersion: text('protocol_version'),
    logLevel: text('log_level'),
    subscriptions: json('subscriptions').notNull(),
    createdAt: instant('created_at').notNull(),
    lastSeenAt: instant('last_seen_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
    endsAt: instant('ends_at').notNull(),
    idleMs: bigint('idle_ms', { mode: 'number' }),
    version: integer('version').notNull(),
    /** Keys that hold a value. */
    valueCount: integer('value_count').notNull().default(0),
    /** Rows of {@link sessionValues}, the marks of deleted keys included. */
    keyCount: integer('key_count').notNull().default(0),
  } satisfies Columns<
    Exclude<keyof Session, 'principal'> | 'principalIssuer' | 'principalSubject' | 'keyCount'
  >,
  (table) => [
    index('mcp_sessions_expires_at').on(table.expiresAt),
    index('mcp_sessions_principal_created')
      .on(table.principalIssuer, table.principalSubject, table.createdAt, table.ref)
      .where(sql`${table.principalIssuer} is not null`),
    check(
      'mcp_sessions_principal',
      sql`(${table.principalIssuer} is null) = (${table.principalSubject} is null)`,
    ),
    check('mcp_sessions_expiry', sql`${table.expiresAt} <= ${table.endsAt}`),
    check('mcp_sessions_counts', sql`0 <= ${table.valueCount} and ${table.valueCount} <= ${table.keyCount}`),
  ],
);

/**
 * Values: one row for each key that was ever written. A deleted key stays as a mark, a row without a value,
 * so that its versions go on counting.
 */
export const sessionValues = pgTable(
  'mcp_session_values',
  {
    sessionRef: bytewise('session_ref').notNull(),
    key: bytewise('key').notNull(),
    /** `json`, which keeps the text to the byte; `jsonb` would reorder members and refuse `\u0000`. */
    json: json('value'),
    version: integer('version').notNull(),
    updatedAt: instant('updated_at').notNull(),
    deletedAt: instant('deleted_at'),
  } satisfies Columns<keyof StoredValue | 'sessionRef' | 'deletedAt'>,
  (table) => [
    primaryKey({ name: 'mcp_session_values_pkey', columns: [table.sessionRef, table.key] }),
    foreignKey({
      name: 'mcp_session_values_session',
      columns: [table.sessionRef],
      foreignColumns: [sessions.ref],
    }).onDelete('cascade'),
    check('mcp_session_values_mark', sql`(${table.json} is null) = (${table.deletedAt} is not null)`),
  ],
);

/**
 * The head of each stream: the row whose lock makes concurrent appenders wait for each other, and so the one
 * place where sequences are given out.
 */
export const sessionStreams = pgTable(
  'mcp_session_streams',
  {
    sessionRef: bytewise('session_ref').notNull(),
    stream: bytewise('stream').notNull(),
    lastSequence: integer('last_sequence').notNull(),
    ended: boolean('ended').notNull(),
  },
  (table) => [
    primaryKey({ name: 'mcp_session_streams_pkey', columns: [table.sessionRef, table.stream] }),
    foreignKey({
      name: 'mcp_session_streams_session',
      columns: [table.sessionRef],
      foreignColumns: [sessions.ref],
    }).onDelete('cascade'),
  ],
);

/** Events: the messages of the streams. */
export const sessionEvents = pgTable(
  'mcp_session_events',
  {
    sessionRef: bytewise('session_ref').notNull(),
    stream: bytewise('stream').notNull(),
    sequence: integer('sequence').notNull(),
    data: json('data').notNull(),
    end: boolean('is_end').notNull(),
    expiresAt: instant('expires_at').notNull(),
  } satisfies Columns<keyof LoggedEvent | 'sessionRef' | 'stream' | 'expiresAt'>,
  (table) => [
    primaryKey({
      name: 'mcp_session_events_pkey',
      columns: [table.sessionRef, table.stream, table.sequence],
    }),
    foreignKey({
      name: 'mcp_session_events_stream',
      columns: [table.sessionRef, table.stream],
      foreignColumns: [sessionStreams.sessionRef, sessionStreams.stream],
    }).onDelete('cascade'),
    index('mcp_session_events_expires_at').on(table.expiresAt),
  ],
);

/**
 * Instances that beat, one row each. No index on `seen_at`: there are as many rows as instances were started
 * within the last hour.
 */
export const instances = pgTable('mcp_instances', {
  id: bytewise('id').primaryKey(),
  beats: integer('beats').notNull(),
  seenAt: instant('seen_at').notNull(),
});

/** Every table of this schema, those that refer to others first. */
export const tables = [sessionEvents, sessionStreams, sessionValues, sessions, instances] as const;
