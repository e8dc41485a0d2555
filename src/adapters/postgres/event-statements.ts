import { sql } from 'drizzle-orm';
import { sessionEvents, sessionStreams, sessions } from './schema.ts';
import {
  bigintParameter,
  booleanParameter,
  integerParameter,
  statement,
  textParameter,
  textsParameter,
  timeParameter,
} from './statement.ts';

interface OfStream {
  readonly ref: string;
  readonly stream: string;
  readonly now: number;
}

const ref = textParameter('ref');
const stream = textParameter('stream');
const now = timeParameter('now');
const count = integerParameter('count');
const keep = integerParameter('keep');
const end = booleanParameter('end');

const isLive = sql`${sessions.ref} = ${ref} and ${sessions.expiresAt} > ${now}`;
const isStream = sql`${sessionEvents.sessionRef} = ${ref} and ${sessionEvents.stream} = ${stream}`;

/**
 * Appends to a stream: no row where the session is gone, no sequence where the stream has ended.
 *
 * `head` takes the stream's sequences under the lock of the stream's row, which is held until the commit:
 * appenders of one stream wait for each other, `on conflict do update` evaluates both its condition and the new
 * number on what the one before committed, and so sequences are dense and become visible in order.
 *
 * Tried and left: numbering by `max(sequence) + 1` under the primary key's protection. It needs no table of
 * heads, but the lock on the session's row against deadlocks instead, and was slower (0.15 ms beyond a bare
 * round trip, this 0.12); 20 appenders of one stream repeated every second statement; and one that slept while
 * others appended and trimmed the very number it had chosen would have become visible late.
 *
 * A batch larger than what is kept is stored in part. `trimmed` sees the rows of its snapshot: what concurrent
 * appenders wrote since is trimmed by the next append.
 */
export const appendEvents = statement<
  OfStream & {
    readonly data: readonly string[];
    readonly count: number;
    readonly end: boolean;
    readonly expiresAt: number;
    readonly keep: number;
  },
  { readonly lastSequence: number | null }
>(
  'mcp_append_events',
  sql`
with live as (
  select ${sessions.ref} from ${sessions} where ${isLive}
),
head as (
  insert into ${sessionStreams} (session_ref, stream, last_sequence, ended)
  select live.ref, ${stream}, ${count}, ${end} from live
  on conflict (session_ref, stream) do update
     set last_sequence = ${sessionStreams.lastSequence} + excluded.last_sequence, ended = excluded.ended
   where not ${sessionStreams.ended}
  returning ${sessionStreams.lastSequence}
),
appended as (
  insert into ${sessionEvents} (session_ref, stream, sequence, data, is_end, expires_at)
  select ${ref}, ${stream}, head.last_sequence - ${count} + message.place, message.data::json,
         ${end} and message.place = ${count}, ${timeParameter('expiresAt')}
    from head, unnest(${textsParameter('data')}) with ordinality as message (data, place)
   where message.place > ${count} - ${keep}
),
trimmed as (
  delete from ${sessionEvents}
   where ${isStream} and ${sessionEvents.sequence} <= (select last_sequence from head) - ${keep}
)
select (select last_sequence from head) as "lastSequence" from live`,
);

/** One row where the session lives, empty where there are no events. Each says whether a standby was asked. */
export const readEvents = statement<
  OfStream & { readonly after: number; readonly limit: number },
  { readonly isStandby: boolean } & (
    | { readonly sequence: number; readonly data: string; readonly end: boolean }
    | { readonly sequence: null }
  )
>(
  'mcp_read_events',
  sql`
select page.sequence as "sequence", page.data::text as "data", page.is_end as "end",
       pg_is_in_recovery() as "isStandby"
  from ${sessions}
  left join lateral (
    select ${sessionEvents.sequence}, ${sessionEvents.data}, ${sessionEvents.end}
      from ${sessionEvents}
     where ${isStream}
       and ${sessionEvents.sequence} > ${bigintParameter('after')}
       and ${sessionEvents.expiresAt} > ${now}
     order by ${sessionEvents.sequence}
     limit ${integerParameter('limit')}
  ) as page on true
 where ${isLive}
 order by page.sequence`,
);

/** From the newest event and not from the stream's head, which outlives its events until the sweep. */
export const lastEventSequence = statement<OfStream, { readonly sequence: number | null }>(
  'mcp_last_sequence',
  sql`
select (
         select ${sessionEvents.sequence}
           from ${sessionEvents}
          where ${isStream} and ${sessionEvents.expiresAt} > ${now}
          order by ${sessionEvents.sequence} desc
          limit 1
       ) as "sequence"
  from ${sessions}
 where ${isLive}`,
);
