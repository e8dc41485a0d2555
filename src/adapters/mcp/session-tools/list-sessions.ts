import { z } from 'zod';
import { LIST_LIMIT_DEFAULT } from '../../../domain/limits.ts';
import { showRef } from '../../../domain/session.ts';
import { instant, LIMIT_RULE, limit, nextCursor, toInstant } from './fields.ts';
import { stateTool } from './state-tool.ts';

export const listSessions = stateTool({
  name: 'list_sessions',
  title: 'List your sessions',
  description:
    'Lists the sessions that you have, from whatever client, the oldest first. A session_ref is accepted wherever a ' +
    'session_id is, from you alone. If next_cursor is there, more follow.',
  hasSession: false,
  arguments: {
    cursor: z
      .string({ error: 'cursor must be the next_cursor of the page before' })
      .optional()
      .describe('The next_cursor of the page before. Leave out for the first page.'),
    limit: limit.describe(`Sessions per page: ${LIMIT_RULE}; ${LIST_LIMIT_DEFAULT} if left out.`),
  },
  output: z.strictObject({
    sessions: z.array(
      z.strictObject({
        session_ref: z.string().describe('Names the session. No secret.'),
        created_at: instant,
        last_seen_at: instant,
        expires_at: instant.describe('When the session ends if it is not used again before.'),
        value_count: z.int().min(0).describe('Keys that hold a value.'),
      }),
    ),
    next_cursor: nextCursor,
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async run(args, { caller }) {
    const { sessions, nextCursor: next } = await caller.listSessions(args);
    return {
      sessions: sessions.map((session) => ({
        session_ref: showRef(session.ref),
        created_at: toInstant(session.createdAt),
        last_seen_at: toInstant(session.lastSeenAt),
        expires_at: toInstant(session.expiresAt),
        value_count: session.valueCount,
      })),
      ...(next === undefined ? {} : { next_cursor: next }),
    };
  },
});
