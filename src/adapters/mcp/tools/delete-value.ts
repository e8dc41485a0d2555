import { z } from 'zod';
import { expectedVersion, idempotencyKey, key, sessionId } from '../session-tools/fields.ts';
import { stateTool } from '../session-tools/state-tool.ts';
import { idempotent } from './idempotent.ts';

export const deleteValue = stateTool({
  name: 'delete_value',
  title: 'Delete a value',
  description:
    'Deletes the value under a key in this session for good. deleted is false if the key held no value.',
  hasSession: true,
  arguments: {
    key,
    expected_version: expectedVersion.describe(
      'Delete only if the key is at this version. Leave out to delete in any case.',
    ),
    idempotency_key: idempotencyKey,
  },
  output: z.strictObject({ deleted: z.boolean(), session_id: sessionId, key: z.string() }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  async run(args, { state }) {
    const deleted = await idempotent({ tool: 'delete_value', args }, state, () =>
      state.delete(args.key, { expectedVersion: args.expected_version }),
    );
    return { deleted, session_id: state.id, key: args.key };
  },
});
