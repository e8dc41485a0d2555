import { z } from 'zod';
import { cursor, instant, limit, nextCursor, prefix, toInstant, version } from '../session-tools/fields.ts';
import { stateTool } from '../session-tools/state-tool.ts';

export const listValues = stateTool({
  name: 'list_values',
  title: 'List keys',
  description:
    'Lists the keys of this session that hold a value, with version and time of the last write, in the byte ' +
    'order of their UTF-8 form. Values are not included: use get_value. If next_cursor is there, more follow.',
  hasSession: true,
  arguments: { prefix, cursor, limit },
  output: z.strictObject({
    values: z.array(
      z.strictObject({
        key: z.string(),
        version,
        updated_at: instant.describe('Time of the last write, ISO 8601 in UTC.'),
      }),
    ),
    next_cursor: nextCursor,
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  async run(args, { state }) {
    const { values, nextCursor: next } = await state.list(args);
    return {
      values: values.map((each) => ({
        key: each.key,
        version: each.version,
        updated_at: toInstant(each.updatedAt),
      })),
      ...(next === undefined ? {} : { next_cursor: next }),
    };
  },
});
