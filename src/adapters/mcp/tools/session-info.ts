import { z } from 'zod';
import { instant, sessionId, storage, toInstant } from '../session-tools/fields.ts';
import { stateTool } from '../session-tools/state-tool.ts';

export const sessionInfo = stateTool({
  name: 'session_info',
  title: 'About this session',
  description:
    'Tells how this session is kept: its id, where its values are stored, when it began and when it ends, and ' +
    'how many keys hold a value.',
  hasSession: true,
  arguments: {},
  output: z.strictObject({
    session_id: sessionId.describe('This session’s id. A secret: whoever knows it reaches the data.'),
    storage_backend: storage,
    created_at: instant,
    last_seen_at: instant.describe('This call included.'),
    expires_at: instant.describe('When the session ends if it is not used again before.'),
    protocol_version: z.string().nullable().describe('The protocol revision agreed on in initialize.'),
    client: z.strictObject({ name: z.string(), version: z.string() }).nullable(),
    value_count: z.int().min(0).describe('Keys that hold a value.'),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async run(_, { state, settings }) {
    const session = await state.info();
    const client = session.initialize?.clientInfo;
    return {
      session_id: state.id,
      storage_backend: settings.storage,
      created_at: toInstant(session.createdAt),
      last_seen_at: toInstant(session.lastSeenAt),
      expires_at: toInstant(session.expiresAt),
      protocol_version: session.protocolVersion ?? null,
      client: client === undefined ? null : { name: client.name, version: client.version },
      value_count: session.valueCount,
    };
  },
});
