import { z } from 'zod';
import { InvalidArgument } from '../../../domain/errors.ts';
import { instant, storage, toInstant } from './fields.ts';
import { stateTool } from './state-tool.ts';

const TTL_RULE = 'ttl_seconds must be a whole number of at least 1';

export const openSession = stateTool({
  name: 'open_session',
  title: 'Open a session',
  description:
    'Opens a session, which keeps values by key, and returns its session_id: pass that with each later call, from ' +
    'any connection and any client that you trust with it. Keep it: it cannot be looked up. close_session ends it.',
  hasSession: false,
  arguments: {
    ttl_seconds: z
      .int({ error: TTL_RULE })
      .min(1, TTL_RULE)
      .optional()
      .describe(
        'The session ends when it was not used for this many seconds. Leave out for the service’s default; the ' +
          'most is how long a session lives in all.',
      ),
    values: z
      .unknown()
      .optional()
      .describe(
        'Values that the session holds from the beginning: a JSON object, each member a key, at most 1,000.',
      )
      .meta({ type: 'object' }),
  },
  output: z.strictObject({
    session_id: z
      .string()
      .describe('Names the session from now on. A secret: whoever knows it reaches the data.'),
    storage_backend: storage,
    created_at: instant,
    expires_at: instant.describe('When the session ends if it is not used before.'),
    ends_at: instant.describe('When it ends however much it is used.'),
    value_count: z.int().min(0),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  async run({ ttl_seconds: ttlSeconds, values }, { caller, settings }) {
    const mostSeconds = Math.floor(settings.lifetime.maxLifetimeMs / 1_000);
    if (ttlSeconds !== undefined && ttlSeconds > mostSeconds) {
      throw new InvalidArgument(
        'ttl_seconds',
        `must be at most ${mostSeconds}, which is how long a session lives in all`,
      );
    }
    const opened = await caller.open({
      idleMs: ttlSeconds === undefined ? undefined : ttlSeconds * 1_000,
      values: values === undefined ? undefined : asObject(values),
    });
    const { createdAt, expiresAt, endsAt, valueCount } = opened.record;
    return {
      session_id: opened.id,
      storage_backend: settings.storage,
      created_at: toInstant(createdAt),
      expires_at: toInstant(expiresAt),
      ends_at: toInstant(endsAt),
      value_count: valueCount,
    };
  },
});

/** Not by a schema, which would read a member called `__proto__` as something else. */
function asObject(values: unknown): Readonly<Record<string, unknown>> {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw new InvalidArgument('values', 'must be a JSON object, each member a key with its value');
  }
  return values as Readonly<Record<string, unknown>>;
}
