import { sql } from 'drizzle-orm';
import { sessionStreams, sessions } from './schema.ts';
import { isEnded } from './session-statements.ts';
import { statement, textParameter, textsParameter } from './statement.ts';
import type { StreamTopic } from './watchers.ts';

export const CHANNEL = 'durable_mcp_signals';

export const notify = statement<{ readonly payload: string }, never>(
  'mcp_notify',
  sql`select pg_notify(${sql.raw(`'${CHANNEL}'`)}, ${textParameter('payload')})`,
);

/**
 * Where any number of streams are: one row for each whose session is there, with 0 where nothing was ever
 * appended or all has expired. `server` is another one after a failover or a restart. Takes no locks.
 */
export const lookAtStreams = statement<
  { readonly refs: readonly string[]; readonly streams: readonly string[] },
  StreamTopic & { readonly lastSequence: number; readonly server: string }
>(
  'mcp_look_at_streams',
  sql`
select watched.ref as "ref", watched.stream as "stream",
       coalesce(${sessionStreams.lastSequence}, 0) as "lastSequence",
       pg_postmaster_start_time()::text as "server"
  from unnest(${textsParameter('refs')}, ${textsParameter('streams')}) as watched (ref, stream)
  join ${sessions} on ${sessions.ref} = watched.ref and not ${isEnded}
  left join ${sessionStreams}
    on ${sessionStreams.sessionRef} = watched.ref and ${sessionStreams.stream} = watched.stream`,
);
