import { z } from 'zod';
import { key, sessionId, version } from '../session-tools/fields.ts';
import { stateTool } from '../session-tools/state-tool.ts';

export const getValue = stateTool({
  name: 'get_value',
  title: 'Get a value',
  description:
    'Returns the value that was last stored under a key in this session, with its version. A key that holds ' +
    'no value is no error: found is then false. Use list_values to see which keys there are.',
  hasSession: true,
  arguments: { key },
  output: z.strictObject({
    found: z.boolean(),
    session_id: sessionId,
    key: z.string(),
    value: z.unknown().describe('The stored JSON value; null if not found.'),
    version: version.describe('Counts the writes of this key from 1; 0 if not found.'),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async run(args, { state }) {
    const stored = await state.get(args.key);
    return {
      found: stored !== undefined,
      session_id: state.id,
      key: args.key,
      value: stored?.value ?? null,
      version: stored?.version ?? 0,
    };
  },
});
