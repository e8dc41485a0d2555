import { sql } from 'drizzle-orm';
import { sessions, sessionValues } from './schema.ts';
import { integerParameter, jsonParameter, statement } from './statement.ts';
import {
  expected,
  isExpected,
  isKey,
  isLive,
  key,
  now,
  type OfSession,
  type Snapshot,
} from './value-conditions.ts';

/**
 * Writes a value, be it of a new key, in one statement.
 *
 * - `overwritten` is all that happens to a key that holds a value. It takes one lock, on the value's row, so
 *   that writers of different keys never wait for each other.
 * - `admitted` counts a key that is to be made, under the lock of the session's row and within the limits:
 *   creators of one session's keys wait for each other, and the conditions are evaluated again after the wait.
 * - `created` makes the row or revives the mark of a deleted key. Where a racer made or revived the key after
 *   this statement's snapshot, the version is not what the snapshot promised: NULL violates the column's
 *   constraint (23502), which rolls back the count that `admitted` wrote together with everything else.
 *
 * Locks are taken in the order session, value, here and in a deletion: no deadlock. A statement that wrote
 * nothing although its snapshot allowed it has lost a race and is to be repeated.
 */
export const storeSessionValue = statement<
  OfSession & {
    readonly key: string;
    readonly json: string;
    readonly expectedVersion: number | null;
    readonly keys: number;
    readonly distinctKeys: number;
  },
  Snapshot & {
    /** `null` where nothing was written. */
    readonly version: number | null;
    /** False for a key that never held a value. */
    readonly known: boolean;
    readonly valueCount: number;
    readonly keyCount: number;
  }
>(
  'mcp_store_value',
  sql`
with live as (
  select ${sessions.ref}, ${sessions.valueCount}, ${sessions.keyCount} from ${sessions} where ${isLive}
),
present as (
  select ${sessionValues.version}, ${sessionValues.deletedAt} is not null as deleted
    from ${sessionValues}
   where ${isKey}
),
overwritten as (
  update ${sessionValues}
     set value = ${jsonParameter('json')}, version = ${sessionValues.version} + 1, updated_at = ${now}
    from live
   where ${isKey} and ${sessionValues.deletedAt} is null and ${isExpected}
  returning ${sessionValues.version}
),
admitted as (
  update ${sessions}
     set value_count = ${sessions.valueCount} + 1,
         key_count = ${sessions.keyCount} + case when exists (select from present) then 0 else 1 end
   where ${isLive}
     and coalesce(${expected}, 0) = 0
     and not exists (select from present where not deleted)
     and ${sessions.valueCount} < ${integerParameter('keys')}
     and case when exists (select from present)
           then ${sessions.valueCount} < ${sessions.keyCount}
           else ${sessions.keyCount} < ${integerParameter('distinctKeys')}
         end
  returning ${sessions.ref}
),
created as (
  insert into ${sessionValues} (session_ref, key, value, version, updated_at)
  select admitted.ref, ${key}, ${jsonParameter('json')}, coalesce((select version from present), 0) + 1, ${now}
    from admitted
  on conflict (session_ref, key) do update
     set version = case
           when ${sessionValues.deletedAt} is not null and ${sessionValues.version} + 1 = excluded.version
           then excluded.version
         end,
         value = excluded.value, updated_at = excluded.updated_at, deleted_at = null
  returning ${sessionValues.version}
)
select coalesce((select version from overwritten), (select version from created)) as "version",
       coalesce((select version from present where not deleted), 0) as "currentVersion",
       exists (select from present) as "known",
       live.value_count as "valueCount",
       live.key_count as "keyCount"
  from live`,
);
