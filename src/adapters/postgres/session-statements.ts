import { sql } from 'drizzle-orm';
import { sessionEvents, sessions } from './schema.ts';
import { type SessionRow, sessionColumns } from './session-row.ts';
import {
  bigintParameter,
  integerParameter,
  jsonParameter,
  statement,
  textParameter,
  textsParameter,
  timeParameter,
  timesParameter,
  timestamp,
} from './statement.ts';

const ref = textParameter('ref');
const now = timeParameter('now');

/** No row where the reference is taken. */
export const createSession = statement<SessionRow, { readonly ref: string }>(
  'mcp_create_session',
  sql`
insert into ${sessions} (
  ref, principal_issuer, principal_subject, initialize, protocol_version, log_level, subscriptions,
  created_at, last_seen_at, expires_at, ends_at, idle_ms, version, value_count, key_count
)
values (
  ${ref}, ${textParameter('principalIssuer')}, ${textParameter('principalSubject')},
  ${jsonParameter('initialize')}, ${textParameter('protocolVersion')}, ${textParameter('logLevel')},
  ${jsonParameter('subscriptions')}, ${timeParameter('createdAt')}, ${timeParameter('lastSeenAt')},
  ${timeParameter('expiresAt')}, ${timeParameter('endsAt')}, ${bigintParameter('idleMs')},
  ${integerParameter('version')}, ${integerParameter('valueCount')}, ${integerParameter('valueCount')}
)
on conflict (ref) do nothing
returning ref`,
);

export const findSession = statement<{ readonly ref: string; readonly now: number }, SessionRow>(
  'mcp_find_session',
  sql`select ${sessionColumns} from ${sessions} where ${sessions.ref} = ${ref} and ${sessions.expiresAt} > ${now}`,
);

/**
 * The version that the statement's snapshot shows, and the session as updated where it was updated; no row
 * where it is gone. The row lock makes racers wait, and the condition is evaluated again on what the winner
 * wrote: one of N gets through. The others see the expected version in their snapshot, and ask again.
 */
export const updateSessionIfVersion = statement<
  {
    readonly ref: string;
    readonly expectedVersion: number;
    /** `null` leaves the field as it is, here and below. */
    readonly logLevel: string | null;
    readonly subscriptions: string | null;
    readonly now: number;
  },
  { readonly currentVersion: number } & (SessionRow | { readonly ref: null })
>(
  'mcp_update_session',
  sql`
with live as (
  select ${sessions.version} from ${sessions} where ${sessions.ref} = ${ref} and ${sessions.expiresAt} > ${now}
),
updated as (
  update ${sessions}
     set log_level = coalesce(${textParameter('logLevel')}, ${sessions.logLevel}),
         subscriptions = coalesce(${jsonParameter('subscriptions')}, ${sessions.subscriptions}),
         version = ${sessions.version} + 1
   where ${sessions.ref} = ${ref}
     and ${sessions.expiresAt} > ${now}
     and ${sessions.version} = ${bigintParameter('expectedVersion')}
  returning ${sessionColumns}
)
select live.version as "currentVersion", updated.* from live left join updated on true`,
);

/**
 * All touches in one statement. The rows are locked in the order of their references first, since two
 * instances that touch the same sessions in different orders would deadlock. `greatest` after the lock: a slow
 * instance shortens no life.
 */
export const touchSessions = statement<
  {
    readonly refs: readonly string[];
    readonly lastSeenAts: readonly number[];
    readonly expiresAts: readonly number[];
    readonly now: number;
  },
  never
>(
  'mcp_touch_sessions',
  sql`
with touched as (
  select ref, ${timestamp(sql`max(last_seen_at)`)} as last_seen_at, ${timestamp(sql`max(expires_at)`)} as expires_at
    from unnest(${textsParameter('refs')}, ${timesParameter('lastSeenAts')}, ${timesParameter('expiresAts')})
         as touch (ref, last_seen_at, expires_at)
   group by ref
),
locked as (
  select ${sessions.ref}, touched.last_seen_at, touched.expires_at
    from ${sessions} join touched on touched.ref = ${sessions.ref}
   where ${sessions.expiresAt} > ${now}
   order by ${sessions.ref}
     for no key update of ${sessions}
)
update ${sessions}
   set last_seen_at = greatest(${sessions.lastSeenAt}, locked.last_seen_at),
       expires_at = greatest(${sessions.expiresAt}, least(locked.expires_at, ${sessions.endsAt}))
  from locked
 where ${sessions.ref} = locked.ref`,
);

/** Rows that a session may hold to be removed with all of them by one statement. */
const FEW_ROWS = sql.raw('64');
/** When a session expired that was ended and whose rows are left to the sweep: before any clock's time. */
const ENDED = sql.raw(`timestamp with time zone 'epoch'`);
/** Whether a session's row is only there until the sweep comes to it. */
export const isEnded = sql`${sessions.expiresAt} <= ${ENDED}`;

/**
 * The foreign keys take the rest along. Every writer of a session's data holds a lock, on the session or on
 * a row that goes with it, that this waits for; who comes later finds nothing.
 *
 * Of a session that holds much, which would take longer than a statement may, the expiry alone is written: for
 * everybody it is gone, and the sweep removes it bit by bit.
 */
export const deleteSession = statement<
  { readonly ref: string; readonly now: number },
  { readonly wasLive: boolean }
>(
  'mcp_delete_session',
  sql`
with found as materialized (
  select ${sessions.ref}, ${sessions.expiresAt},
         ${sessions.keyCount} <= ${FEW_ROWS} and not exists (
           select from ${sessionEvents} where ${sessionEvents.sessionRef} = ${ref} offset ${FEW_ROWS}
         ) as has_few
    from ${sessions}
   where ${sessions.ref} = ${ref}
     for update
),
removed as (
  delete from ${sessions} using found where ${sessions.ref} = found.ref and found.has_few
),
ended as (
  update ${sessions} set expires_at = ${ENDED} from found where ${sessions.ref} = found.ref and not found.has_few
)
select found.expires_at > ${now} as "wasLive" from found`,
);
