import { sql } from 'drizzle-orm';
import { instances, sessionEvents, sessionStreams, sessions } from './schema.ts';
import { integerParameter, statement, timeParameter } from './statement.ts';

interface Sweep {
  readonly now: number;
  readonly limit: number;
}

const now = timeParameter('now');
const limit = integerParameter('limit');

/**
 * Any number; the other is for the migration. Sweeps of several instances would only wait for each other's
 * rows, so the second one passes.
 */
const SWEEP_LOCK = 7_283_400_001;
const isMine = sql`(select pg_try_advisory_xact_lock(${sql.raw(String(SWEEP_LOCK))}))`;

/**
 * Removes one batch of expired sessions. `for update` evaluates the condition again on the row that it locked:
 * a session that was touched meanwhile survives. Rows that a writer holds are left to the next sweep.
 */
export const sweepSessions = statement<Sweep, { readonly removed: number }>(
  'mcp_sweep_sessions',
  sql`
with expired as materialized (
  select ${sessions.ref}
    from ${sessions}
   where ${sessions.expiresAt} <= ${now} and ${isMine}
   order by ${sessions.expiresAt}
   limit ${limit}
     for update skip locked
),
removed as (
  delete from ${sessions} using expired where ${sessions.ref} = expired.ref returning 1
)
select count(*)::integer as "removed" from removed`,
);

/**
 * Removes one batch of expired events, and each stream whose newest event is among them.
 *
 * The stream's head is locked before its events, as by an appender, who trims events under that lock: in the
 * other order the two would deadlock. A stream that an appender holds is left to the next sweep. The head is
 * removed only at the sequence at which it was locked, so that no event that came later goes with it.
 */
export const sweepEvents = statement<Sweep, { readonly removed: number }>(
  'mcp_sweep_events',
  sql`
with expired as materialized (
  select ${sessionEvents.sessionRef}, ${sessionEvents.stream}, ${sessionEvents.sequence}
    from ${sessionEvents}
   where ${sessionEvents.expiresAt} <= ${now} and ${isMine}
   order by ${sessionEvents.expiresAt}
   limit ${limit}
),
locked as materialized (
  select ${sessionStreams.sessionRef}, ${sessionStreams.stream}, ${sessionStreams.lastSequence}
    from ${sessionStreams}
   where (${sessionStreams.sessionRef}, ${sessionStreams.stream}) in (select session_ref, stream from expired)
     for update skip locked
),
removed as (
  delete from ${sessionEvents}
   using expired join locked using (session_ref, stream)
   where ${sessionEvents.sessionRef} = expired.session_ref
     and ${sessionEvents.stream} = expired.stream
     and ${sessionEvents.sequence} = expired.sequence
  returning ${sessionEvents.sessionRef}, ${sessionEvents.stream}, ${sessionEvents.sequence}
),
emptied as (
  delete from ${sessionStreams}
   using locked join removed using (session_ref, stream)
   where ${sessionStreams.sessionRef} = locked.session_ref
     and ${sessionStreams.stream} = locked.stream
     and locked.last_sequence = removed.sequence
)
select count(*)::integer as "removed" from removed`,
);

/**
 * Removes one batch of instances that have not beaten since `before`. A row that is just being beaten is left to
 * the next sweep; one that was beaten since the snapshot survives, as a session does that was touched.
 */
export const sweepInstances = statement<{ readonly before: number; readonly limit: number }, never>(
  'mcp_sweep_instances',
  sql`
with ended as materialized (
  select ${instances.id}
    from ${instances}
   where ${instances.seenAt} <= ${timeParameter('before')} and ${isMine}
   limit ${limit}
     for update skip locked
)
delete from ${instances} using ended where ${instances.id} = ended.id`,
);
