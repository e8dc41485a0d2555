import { type SQL, sql } from 'drizzle-orm';
import { instances, sessionEvents, sessionStreams, sessions, sessionValues } from './schema.ts';
import { integerParameter, statement, timeParameter } from './statement.ts';

interface Sweep {
  readonly now: number;
  readonly limit: number;
}

/** What one statement removed. */
interface Removed {
  readonly removed: number;
}

const now = timeParameter('now');
const limit = integerParameter('limit');

/**
 * Any number; the other is for the migration. Sweeps of several instances would only wait for each other's
 * rows, so the second one passes.
 */
const SWEEP_LOCK = 7_283_400_001;
const isMine = sql`(select pg_try_advisory_xact_lock(${sql.raw(String(SWEEP_LOCK))}))`;

/** Of what one statement removes: 2 GiB would take longer than a statement may. */
const MOST_BYTES = sql.raw(String(64 * 1024 * 1024));

/** As many of `rows` as have room in {@link MOST_BYTES} by their `bytes`, and the first in any case. */
const fitting = (rows: SQL): SQL => sql`
  select * from (
    select candidate.*, sum(candidate.bytes) over (rows unbounded preceding) - candidate.bytes as before
      from (${rows}) as candidate
  ) as measured
  where measured.before < ${MOST_BYTES}`;

/**
 * The sessions whose turn it is. `for update` evaluates the condition again on the row that it locked: a session that
 * was touched meanwhile survives. Rows that a writer holds are left to the next sweep.
 */
const expiredSessions = sql`
  select ${sessions.ref}
    from ${sessions}
   where ${sessions.expiresAt} <= ${now} and ${isMine}
   order by ${sessions.expiresAt}
   limit ${limit}
     for update skip locked`;

/**
 * Removes values and events of expired sessions, as many as one statement can in little time: a session may hold
 * more than its own removal, and by the cascade that of all it has, could take along.
 *
 * The rows are locked from the session down, as by writers, and what one of them holds is passed over. Subqueries with
 * a limit, here and below, are what the planner cannot make a join of that reads a whole table.
 */
export const sweepContents = statement<Sweep, Removed>(
  'mcp_sweep_contents',
  sql`
with expired as materialized (${expiredSessions}),
old_values as materialized (${fitting(sql`
    select held.* from expired cross join lateral (
      select ${sessionValues.sessionRef}, ${sessionValues.key},
             coalesce(pg_column_size(${sessionValues.json}), 0) as bytes
        from ${sessionValues}
       where ${sessionValues.sessionRef} = expired.ref
       limit ${limit}
         for update skip locked
    ) as held limit ${limit}`)}
),
heads as materialized (
  select held.* from expired cross join lateral (
    select ${sessionStreams.sessionRef}, ${sessionStreams.stream}
      from ${sessionStreams}
     where ${sessionStreams.sessionRef} = expired.ref
     limit ${limit}
       for update skip locked
  ) as held limit ${limit}
),
old_events as materialized (${fitting(sql`
    select held.* from heads cross join lateral (
      select ${sessionEvents.sessionRef}, ${sessionEvents.stream}, ${sessionEvents.sequence},
             pg_column_size(${sessionEvents.data}) as bytes
        from ${sessionEvents}
       where ${sessionEvents.sessionRef} = heads.session_ref and ${sessionEvents.stream} = heads.stream
       limit ${limit}
    ) as held limit ${limit}`)}
),
removed_values as (
  delete from ${sessionValues} using old_values
   where ${sessionValues.sessionRef} = old_values.session_ref and ${sessionValues.key} = old_values.key
  returning 1
),
removed_events as (
  delete from ${sessionEvents} using old_events
   where ${sessionEvents.sessionRef} = old_events.session_ref
     and ${sessionEvents.stream} = old_events.stream
     and ${sessionEvents.sequence} = old_events.sequence
  returning 1
),
removed_heads as (
  delete from ${sessionStreams} using heads
   where ${sessionStreams.sessionRef} = heads.session_ref
     and ${sessionStreams.stream} = heads.stream
     and (
           select true from ${sessionEvents}
            where ${sessionEvents.sessionRef} = heads.session_ref and ${sessionEvents.stream} = heads.stream
            limit 1
         ) is null
  returning 1
)
select ((select count(*) from removed_values) + (select count(*) from removed_events)
         + (select count(*) from removed_heads))::integer as "removed"`,
);

/** Removes one batch of expired sessions that hold nothing any more, but for what came just now. */
export const sweepSessions = statement<Sweep, Removed>(
  'mcp_sweep_sessions',
  sql`
with expired as materialized (${expiredSessions}),
removed as (
  delete from ${sessions} using expired
   where ${sessions.ref} = expired.ref
     and (select true from ${sessionValues} where ${sessionValues.sessionRef} = expired.ref limit 1) is null
     and (select true from ${sessionStreams} where ${sessionStreams.sessionRef} = expired.ref limit 1) is null
  returning 1
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
export const sweepEvents = statement<Sweep, Removed>(
  'mcp_sweep_events',
  sql`
with expired as materialized (${fitting(sql`
    select ${sessionEvents.sessionRef}, ${sessionEvents.stream}, ${sessionEvents.sequence},
           pg_column_size(${sessionEvents.data}) as bytes
      from ${sessionEvents}
     where ${sessionEvents.expiresAt} <= ${now} and ${isMine}
     order by ${sessionEvents.expiresAt}
     limit ${limit}`)}
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
ended as (
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
export const sweepInstances = statement<{ readonly before: number; readonly limit: number }, Removed>(
  'mcp_sweep_instances',
  sql`
with ended as materialized (
  select ${instances.id}
    from ${instances}
   where ${instances.seenAt} <= ${timeParameter('before')} and ${isMine}
   limit ${limit}
     for update skip locked
),
removed as (
  delete from ${instances} using ended where ${instances.id} = ended.id returning 1
)
select count(*)::integer as "removed" from removed`,
);
