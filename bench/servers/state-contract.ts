import { z } from 'zod';

/*
 * What `store_value` and `get_value` take and return, the same as this project's own tools: the servers that are
 * compared with get the same requests and send answers of the same size. They declare no output schema, and so need
 * not check their own answers: this project's tools do not do so either.
 */

const key = z.string().min(1).describe('Name of the value.');

export const storeInput = { key, value: z.unknown().describe('Any JSON value.') };
export const getInput = { key };

/** The values of one session, in the memory of the process. */
export class SessionValues {
  readonly #values = new Map<string, { readonly value: unknown; readonly version: number }>();

  store(sessionId: string, key: string, value: unknown): ToolResult {
    const version = (this.#values.get(key)?.version ?? 0) + 1;
    this.#values.set(key, { value, version });
    return toolResult({ stored: true, session_id: sessionId, key, value, version, storage: 'memory' });
  }

  get(sessionId: string, key: string): ToolResult {
    const { value, version } = this.#values.get(key) ?? { value: null, version: 0 };
    return toolResult({ found: version > 0, session_id: sessionId, key, value, version });
  }
}

interface ToolResult {
  [member: string]: unknown;
  content: { type: 'text'; text: string }[];
  structuredContent: Record<string, unknown>;
}

function toolResult(structuredContent: Record<string, unknown>): ToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent };
}
