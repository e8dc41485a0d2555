import { z } from 'zod';
import { KEY_BYTES, KEY_CHARACTERS, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from '../../../domain/limits.ts';

/*
 * The arguments and results that tools share. Type errors are told here; what a key, a value or a version may
 * be is the domain's to decide, so that tools and library calls are refused in the same words. Lengths are
 * stated as metadata only: JSON Schema counts characters, zod would count UTF-16 units.
 */

function problem(field: string, rule: string): (issue: { readonly input?: unknown }) => string {
  return ({ input }) =>
    input === undefined ? `${field} is missing: it must be ${rule}` : `${field} must be ${rule}`;
}

const KEY_RULE = `a string of 1 to ${KEY_CHARACTERS} characters (at most ${KEY_BYTES} bytes of UTF-8, no control characters)`;

export const key = z
  .string({ error: problem('key', KEY_RULE) })
  .describe(`Name of the value: ${KEY_RULE}. Case-sensitive.`)
  .meta({ minLength: 1, maxLength: KEY_CHARACTERS });

export const value = z
  .unknown()
  .refine((given) => given !== undefined, 'value is missing: it must be any JSON value, null included');

const VERSION_RULE = 'a whole number of at least 0, where 0 means that the key must not exist';

export const expectedVersion = z
  .int({ error: problem('expected_version', VERSION_RULE) })
  .min(0, `expected_version must be ${VERSION_RULE}`)
  .optional();

export const idempotencyKey = z
  .string({ error: problem('idempotency_key', KEY_RULE) })
  .optional()
  .describe(
    'A name that you make up for this one call. If you did not get its answer, make the same call again with it: ' +
      'that is not done a second time, but answered as the first was.',
  )
  .meta({ minLength: 1, maxLength: KEY_CHARACTERS });

export const prefix = z
  .string({ error: problem('prefix', 'a string') })
  .optional()
  .describe('Only keys that begin with this, taken literally. Leave out for all keys.');

export const cursor = z
  .string({ error: problem('cursor', 'the next_cursor of the page before') })
  .optional()
  .describe('The next_cursor of the page before, with the same prefix. Leave out for the first page.');

export const LIMIT_RULE = `a whole number from 1 to ${LIST_LIMIT_MAX}`;

export const limit = z
  .int({ error: problem('limit', LIMIT_RULE) })
  .min(1, `limit must be ${LIMIT_RULE}`)
  .max(LIST_LIMIT_MAX, `limit must be ${LIMIT_RULE}`)
  .optional()
  .describe(`Keys per page: ${LIMIT_RULE}; ${LIST_LIMIT_DEFAULT} if left out.`);

/** In results. */
export const nextCursor = z
  .string()
  .optional()
  .describe('Pass it as cursor to get the next page. Absent on the last one.');

const ECHOED_CHARACTERS = 200;

/** Arguments of a tool. Unknown ones are refused: a misspelt `expected_version` would drop the guard. */
export function input<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      const given = (issue.keys ?? []).map((name) => JSON.stringify(name));
      // Not all that was sent: the answer is for a model to read.
      const unknown = given.join(', ').slice(0, ECHOED_CHARACTERS).toWellFormed();
      const known = names.length === 0 ? 'takes none' : `takes ${names.join(', ')}`;
      return `unknown argument ${unknown}: this tool ${known}`;
    },
  });
}

/** In results. */
export const sessionId = z
  .string()
  .describe('The session that the value belongs to. A secret: whoever knows it reaches the data.');

/** The argument, where connections have no session. */
export const namedSession = z
  .string({
    error: ({ input: given }) =>
      given === undefined
        ? 'session_id is missing: call open_session for a session, and pass its session_id with each call'
        : 'session_id must be a string, as open_session returned it',
  })
  .describe('The session, as open_session returned it.');

/** The argument, where the connection has a session of its own. */
export const ownOrNamedSession = z
  .string({ error: 'session_id must be a string, as open_session returned it, or be left out' })
  .optional()
  .describe(
    'A session that open_session returned, for state that outlives this connection. Leave out for the ' +
      'connection’s own session.',
  );

export const version = z
  .int()
  .min(0)
  .describe('Counts the writes of this key from 1. Pass it as expected_version to change only this version.');

export const storage = z.string().meta({ examples: ['memory', 'postgres', 'dynamodb'] });

/** ISO 8601 in UTC, with milliseconds. */
export const instant = z.string().meta({ format: 'date-time' });

export function toInstant(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
