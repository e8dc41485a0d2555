import { sql } from 'drizzle-orm';
import { sessions, sessionValues } from './schema.ts';
import { textsParameter, timesParameter } from './statement.ts';

/* The values that a statement for several callers is asked for: `asked (ref, key, now, …, position)`. */

export const refs = textsParameter('ref');
export const keys = textsParameter('key');
export const nows = timesParameter('now');

export const isOfLiveSession = sql`${sessions.ref} = asked.ref and ${sessions.expiresAt} > to_timestamp(asked.now / 1000)`;
export const isAsked = sql`${sessionValues.sessionRef} = asked.ref and ${sessionValues.key} = asked.key`;
