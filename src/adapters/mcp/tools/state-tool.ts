import { randomUUID } from 'node:crypto';
import type { CallToolResult, Tool, ToolAnnotations } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { DurableMcpError } from '../../../domain/errors.ts';
import type { Limits } from '../../../domain/limits.ts';
import type { SessionState } from '../../../domain/session-state.ts';
import type { SessionLifetime } from '../../../domain/sessions.ts';
import type { Store } from '../../../ports/store.ts';

/** What the state tools say about the service they belong to. */
export interface StateToolSettings {
  readonly storage: Store['name'];
  readonly lifetime: SessionLifetime;
  readonly limits: Limits;
}

export interface StateToolContext extends StateToolSettings {
  readonly state: SessionState;
}

/** A tool, independent of the SDK that serves it. */
export interface StateTool<
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodObject = z.ZodObject,
> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  readonly output: Output;
  readonly annotations: ToolAnnotations;
  run(args: z.output<Input>, context: StateToolContext): Promise<z.input<Output>>;
}

/** Lets a tool's own schemas type its `run`. */
export function stateTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  tool: StateTool<Input, Output>,
): StateTool {
  return tool as unknown as StateTool;
}

/** The tool as `tools/list` shows it. */
export function describeStateTool(tool: StateTool, lasting: string): Tool {
  return {
    name: tool.name,
    title: tool.title,
    description: `${tool.description} ${lasting}`,
    inputSchema: z.toJSONSchema(tool.input, { io: 'input' }) as Tool['inputSchema'],
    outputSchema: z.toJSONSchema(tool.output) as NonNullable<Tool['outputSchema']>,
    annotations: tool.annotations,
  };
}

/**
 * Runs one `tools/call`. Whatever goes wrong becomes a result with `isError`, which the model reads: only so
 * can it correct itself (2025-11-25, Tools, Error Handling).
 *
 * @param onBug told of errors that nobody foresaw, with the reference that the client was given
 */
export async function callStateTool(
  tool: StateTool,
  args: unknown,
  context: StateToolContext,
  onBug: (error: unknown, reference: string) => void,
): Promise<CallToolResult> {
  const parsed = tool.input.safeParse(args ?? {});
  if (!parsed.success) {
    return errorResult(`${tool.name}: ${parsed.error.issues.map(({ message }) => message).join('; ')}`);
  }
  try {
    const structuredContent = await tool.run(parsed.data, context);
    return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent };
  } catch (error) {
    return errorResult(explain(error, onBug));
  }
}

/** An unforeseen error's own text may hold anything, so the client gets only a reference to the log. */
function explain(error: unknown, onBug: (error: unknown, reference: string) => void): string {
  if (error instanceof DurableMcpError) return error.message;
  const reference = randomUUID();
  onBug(error, reference);
  return `An internal error occurred; whether the call took effect is unknown. Reference: ${reference}`;
}

function errorResult(text: string): CallToolResult {
  return { content: [{ type: 'text', text }], isError: true };
}
