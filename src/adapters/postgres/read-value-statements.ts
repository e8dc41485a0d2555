import { sql } from 'drizzle-orm';
import { isAsked, isOfLiveSession, keys, nows, refs } from './asked-values.ts';
import type { Columns, OfCaller } from './gathered-statement.ts';
import { sessions, sessionValues } from './schema.ts';
import { milliseconds, statement } from './statement.ts';
import { isKey, isLive, type OfSession } from './value-conditions.ts';

type Given = OfSession & { readonly key: string };

type Found =
  | { readonly json: string; readonly version: number; readonly updatedAt: number }
  | { readonly json: null };

const found = sql`
       ${sessionValues.json}::text as "json",
       ${sessionValues.version} as "version",
       ${milliseconds(sessionValues.updatedAt)} as "updatedAt"`;

/** One row where the session lives, empty where the key holds no value. */
export const readSessionValue = statement<Given, Found>(
  'mcp_read_value',
  sql`
select ${found}
  from ${sessions}
  left join ${sessionValues} on ${isKey} and ${sessionValues.deletedAt} is null
 where ${isLive}`,
);

/** The same for several callers. */
export const readSessionValues = statement<Columns<Given>, Found & OfCaller>(
  'mcp_read_values',
  sql`
select asked.position::integer as "position", ${found}
  from unnest(${refs}, ${keys}, ${nows}) with ordinality as asked (ref, key, now, position)
  join ${sessions} on ${isOfLiveSession}
  left join ${sessionValues} on ${isAsked} and ${sessionValues.deletedAt} is null`,
);
