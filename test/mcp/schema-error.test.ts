import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { errorResponse } from '../../src/adapters/mcp/jsonrpc.ts';
import { inPlainWords } from '../../src/adapters/mcp/schema-error.ts';

/** The message of the error that zod throws. */
function listOf(schema: z.ZodType, value: unknown): string {
  return schema.safeParse(value).error?.message ?? '';
}

const inWords = (code: number, message: string) => inPlainWords(errorResponse(7, code, message)).error;

describe('an error that lists what does not fit a schema', () => {
  // Catches: an answer that grows with each wrong item of a list, and paths that nobody can follow.
  it('names the first five fields, and says how many more there are', () => {
    const schema = z.object({ params: z.object({ items: z.array(z.object({ name: z.string() })) }) });
    const items = Array.from({ length: 8 }, () => ({ name: 7 }));
    const { code, message } = inWords(-32_603, listOf(schema, { params: { items } }));
    expect(code).toBe(-32_602);
    expect(message).toMatch(/^params\.items\[0\]\.name: Invalid input: [^;]*; params\.items\[1\]\.name: /);
    expect(message).toMatch(/; params\.items\[4\]\.name: [^;]*; and 3 more$/);
  });

  // Catches: a handler’s own failure that its client takes for a mistake of its own.
  it('of something else than params is still one of the server', () => {
    const list = listOf(z.object({ row: z.string() }), {});
    expect(inWords(-32_603, list)).toEqual({
      code: -32_603,
      message: 'row: Invalid input: expected string, received undefined',
    });
  });

  it('keeps what is said before the list, and the data', () => {
    const list = listOf(z.object({ what: z.string() }), {});
    const made = errorResponse(7, -32_602, `Invalid arguments for prompt a[0]: ${list}`);
    const error = { ...made.error, data: { more: 1 } };
    expect(inPlainWords({ ...made, error })).toMatchObject({
      id: 7,
      error: {
        code: -32_602,
        message:
          'Invalid arguments for prompt a[0]: what: Invalid input: expected string, received undefined',
        data: { more: 1 },
      },
    });
  });

  // Catches: an author’s own words that come out changed.
  it.each([
    [-32_603, 'Internal error'],
    [-32_603, '[\n  {"path": ["params", "x"]}\n]'],
    [-32_603, '[\n  {"path": ["params", "x"], "message": "not closed"'],
    [-32_602, '[]'],
    [-32_000, listOf(z.object({ params: z.string() }), {})],
  ])('is none: %i %j', (code, message) => {
    expect(inWords(code, message)).toEqual({ code, message });
  });
});
