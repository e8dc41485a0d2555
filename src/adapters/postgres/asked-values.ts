import { sql } from 'drizzle-orm';
import { textsParameter, timesParameter, timestamp } from './statement.ts';
import { isKeyOf, isLiveAt, isVersion } from './value-conditions.ts';

/* The values that a statement for several callers is asked for: `asked (ref, key, now, …, position)`. */

export const refs = textsParameter('ref');
export const keys = textsParameter('key');
export const nows = timesParameter('now');

export const isOfLiveSession = isLiveAt(sql`asked.ref`, timestamp(sql`asked.now`));
export const isAsked = isKeyOf(sql`asked.ref`, sql`asked.key`);
export const isAskedVersion = isVersion(sql`asked.expected_version`);
