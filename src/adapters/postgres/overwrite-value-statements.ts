import { sql } from 'drizzle-orm';
import { isAsked, isAskedVersion, isOfLiveSession, keys, nows, refs } from './asked-values.ts';
import type { Columns, OfCaller } from './gathered-statement.ts';
import { sessions, sessionValues } from './schema.ts';
import { bigintsParameter, jsonParameter, statement, textsParameter, timestamp } from './statement.ts';
import { isExpected, isKey, isLive, now, type OfSession } from './value-conditions.ts';

type Given = OfSession & {
  readonly key: string;
  readonly json: string;
  readonly expectedVersion: number | null;
};

interface Overwritten {
  readonly version: number;
}

/**
 * Overwrites the value of a key that holds one: all that most writes are, for two thirds of what `storeSessionValue`
 * costs. Nothing is written, and no row returned, where that one has to say what to do, or why not.
 */
export const overwriteSessionValue = statement<Given, Overwritten>(
  'mcp_overwrite_value',
  sql`
update ${sessionValues}
   set value = ${jsonParameter('json')}, version = ${sessionValues.version} + 1, updated_at = ${now}
  from ${sessions}
 where ${isLive} and ${isKey} and ${sessionValues.deletedAt} is null and ${isExpected}
returning ${sessionValues.version} as "version"`,
);

/**
 * The same for several callers. Where they write one key, it is one of them who does, and the others get no row.
 *
 * Values that somebody has locked are left out too: so this waits for nobody, in whatever order it comes upon them.
 * `locked` evaluates its conditions again, under the lock, on what was committed since the snapshot.
 */
export const overwriteSessionValues = statement<Columns<Given>, Overwritten & OfCaller>(
  'mcp_overwrite_values',
  sql`
with locked as (
  select ${sessionValues.sessionRef}, ${sessionValues.key}, asked.json, asked.now, asked.position
    from unnest(${refs}, ${keys}, ${textsParameter('json')}, ${bigintsParameter('expectedVersion')}, ${nows})
         with ordinality as asked (ref, key, json, expected_version, now, position)
    join ${sessions} on ${isOfLiveSession}
    join ${sessionValues} on ${isAsked} and ${sessionValues.deletedAt} is null
         and ${isAskedVersion}
     for no key update of ${sessionValues} skip locked
)
update ${sessionValues}
   set value = locked.json::json,
       version = ${sessionValues.version} + 1,
       updated_at = ${timestamp(sql`locked.now`)}
  from locked
 where ${sessionValues.sessionRef} = locked.session_ref and ${sessionValues.key} = locked.key
returning locked.position::integer as "position", ${sessionValues.version} as "version"`,
);
