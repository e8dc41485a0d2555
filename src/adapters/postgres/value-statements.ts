import { sql } from 'drizzle-orm';
import { sessions, sessionValues } from './schema.ts';
import { integerParameter, milliseconds, statement, textParameter } from './statement.ts';
import { isExpected, isKey, isLive, key, now, type OfSession, type Snapshot } from './value-conditions.ts';

/**
 * Turns a value's row into a mark and counts it off. The session's row is locked first, as by a creator of the
 * key: in the other order the two would deadlock.
 */
export const deleteSessionValue = statement<
  OfSession & { readonly key: string; readonly expectedVersion: number | null },
  Snapshot & { readonly deleted: boolean }
>(
  'mcp_delete_value',
  sql`
with live as (
  select ${sessions.ref} from ${sessions} where ${isLive} for no key update
),
present as (
  select ${sessionValues.version} from ${sessionValues} where ${isKey} and ${sessionValues.deletedAt} is null
),
deleted as (
  update ${sessionValues}
     set value = null, deleted_at = ${now}, updated_at = ${now}
    from live
   where ${sessionValues.sessionRef} = live.ref and ${sessionValues.key} = ${key}
     and ${sessionValues.deletedAt} is null and ${isExpected}
  returning ${sessionValues.sessionRef}
),
counted as (
  update ${sessions}
     set value_count = ${sessions.valueCount} - 1
    from deleted
   where ${sessions.ref} = deleted.session_ref
)
select exists (select from deleted) as "deleted",
       coalesce((select version from present), 0) as "currentVersion"
  from live`,
);

/**
 * A page of keys by the primary key's index, whose collation "C" is the byte order of UTF-8. The prefix is the
 * range `from` ≤ key < `to`, since LIKE with a parameter uses no index in a prepared statement's generic plan.
 * One row without a key where the session lives and nothing is found.
 */
export const listSessionValues = statement<
  OfSession & {
    readonly from: string;
    readonly to: string;
    readonly after: string;
    readonly limit: number;
  },
  { readonly key: string; readonly version: number; readonly updatedAt: number } | { readonly key: null }
>(
  'mcp_list_values',
  sql`
select page.key as "key", page.version as "version", ${milliseconds(sql`page.updated_at`)} as "updatedAt"
  from ${sessions}
  left join lateral (
    select ${sessionValues.key}, ${sessionValues.version}, ${sessionValues.updatedAt}
      from ${sessionValues}
     where ${sessionValues.sessionRef} = ${sessions.ref}
       and ${sessionValues.key} >= ${textParameter('from')}
       and ${sessionValues.key} < ${textParameter('to')}
       and ${sessionValues.key} > ${textParameter('after')}
       and ${sessionValues.deletedAt} is null
     order by ${sessionValues.key}
     limit ${integerParameter('limit')}
  ) as page on true
 where ${isLive}
 order by page.key`,
);
