import { sql } from 'drizzle-orm';
import { instances } from './schema.ts';
import { statement, textParameter, timeParameter } from './statement.ts';

const id = textParameter('id');

/**
 * Takes the lock of the instance's row alone, for which nobody waits but its own beats. `greatest`, so that a
 * clock that is set back does not shorten how long the row is kept.
 */
export const beatInstance = statement<{ readonly id: string; readonly now: number }, never>(
  'mcp_beat_instance',
  sql`
insert into ${instances} (id, beats, seen_at)
values (${id}, 1, ${timeParameter('now')})
on conflict (id) do update
   set beats = ${instances.beats} + 1, seen_at = greatest(${instances.seenAt}, excluded.seen_at)`,
);

/** No row where the instance is unknown. */
export const countBeats = statement<{ readonly id: string }, { readonly beats: number }>(
  'mcp_count_beats',
  sql`select ${instances.beats} as "beats" from ${instances} where ${instances.id} = ${id}`,
);

export const forgetInstance = statement<{ readonly id: string }, never>(
  'mcp_forget_instance',
  sql`delete from ${instances} where ${instances.id} = ${id}`,
);
