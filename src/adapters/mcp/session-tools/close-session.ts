import { z } from 'zod';
import { stateTool } from './state-tool.ts';

export const closeSession = stateTool({
  name: 'close_session',
  title: 'End a session',
  description: 'Ends a session with all of its values, for good. Its session_id is of no use any more.',
  hasSession: true,
  arguments: {},
  output: z.strictObject({ closed: z.literal(true) }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  async run(_, { state }) {
    await state.close();
    return { closed: true as const };
  },
});
