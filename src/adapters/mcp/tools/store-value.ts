import { z } from 'zod';
import {
  expectedVersion,
  idempotencyKey,
  key,
  sessionId,
  storage,
  value,
  version,
} from '../session-tools/fields.ts';
import { stateTool } from '../session-tools/state-tool.ts';
import { idempotent } from './idempotent.ts';

export const storeValue = stateTool({
  name: 'store_value',
  title: 'Store a value',
  description:
    'Stores any JSON value under a key in this session, replacing what was there. Use it to remember facts, ' +
    'intermediate results or progress for later calls. Once it answers, the value is safe.',
  hasSession: true,
  arguments: {
    key,
    value: value.describe('Any JSON value: object, array, string, number, boolean or null.'),
    expected_version: expectedVersion.describe(
      'Store only if the key is at this version (as get_value or store_value returned it); 0: only if the key ' +
        'does not exist. Leave out to store in any case.',
    ),
    idempotency_key: idempotencyKey,
  },
  output: z.strictObject({
    stored: z.literal(true),
    session_id: sessionId,
    key: z.string(),
    value: z.unknown().describe('The value as stored.'),
    version,
    storage,
  }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  async run(args, { state, settings }) {
    const { version: written } = await idempotent({ tool: 'store_value', args }, state, () =>
      state.set(args.key, args.value, { expectedVersion: args.expected_version }),
    );
    return {
      stored: true as const,
      session_id: state.id,
      key: args.key,
      value: args.value,
      version: written,
      storage: settings.storage,
    };
  },
});
