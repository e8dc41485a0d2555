import { sql } from 'drizzle-orm';
import { sessions } from './schema.ts';
import { type SessionRow, sessionColumns } from './session-row.ts';
import { integerParameter, statement, textParameter, timeParameter } from './statement.ts';

/**
 * A page of a principal's sessions, in the order of the index `mcp_sessions_principal_created`: what follows a place
 * is a range of it, so that a page costs as much as its rows, wherever it is. What expired and is not swept yet is
 * left out row by row. No locks.
 */
export const listSessions = statement<
  {
    readonly issuer: string;
    readonly subject: string;
    readonly afterCreatedAt: number;
    readonly afterRef: string;
    readonly limit: number;
    readonly now: number;
  },
  SessionRow
>(
  'mcp_list_sessions',
  sql`
select ${sessionColumns}
  from ${sessions}
 where ${sessions.principalIssuer} = ${textParameter('issuer')}
   and ${sessions.principalSubject} = ${textParameter('subject')}
   and (${sessions.createdAt}, ${sessions.ref}) > (${timeParameter('afterCreatedAt')}, ${textParameter('afterRef')})
   and ${sessions.expiresAt} > ${timeParameter('now')}
 order by ${sessions.createdAt}, ${sessions.ref}
 limit ${integerParameter('limit')}`,
);

/**
 * Counts in a range of the same index, and no further than it has to. The order is only there for the index: without
 * it, a plan that is to fit any principal reads the whole table. No locks.
 */
export const countSessions = statement<
  { readonly issuer: string; readonly subject: string; readonly limit: number; readonly now: number },
  { readonly count: number }
>(
  'mcp_count_sessions',
  sql`
select count(*)::integer as "count"
  from (
    select 1
      from ${sessions}
     where ${sessions.principalIssuer} = ${textParameter('issuer')}
       and ${sessions.principalSubject} = ${textParameter('subject')}
       and ${sessions.expiresAt} > ${timeParameter('now')}
     order by ${sessions.createdAt}, ${sessions.ref}
     limit ${integerParameter('limit')}
  ) as live`,
);
