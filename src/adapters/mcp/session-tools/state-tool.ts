import { randomUUID } from 'node:crypto';
import type { CallToolResult, ToolAnnotations } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import { DurableMcpError } from '../../../domain/errors.ts';
import type { SessionState } from '../../../domain/session-state.ts';
import type { CallerSession } from '../caller-session.ts';
import type { ServiceFacts } from '../service-facts.ts';

export interface StateToolContext {
  readonly settings: ServiceFacts;
  /** Of whoever calls. */
  readonly caller: CallerSession;
  /** The session that the call is about. */
  readonly state: SessionState;
}

/** A tool, independent of the SDK and of the protocol revision that serve it. */
export interface StateTool<
  Arguments extends z.ZodRawShape = z.ZodRawShape,
  Output extends z.ZodObject = z.ZodObject,
> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** False for a tool that is about no single session, and so takes no `session_id`. */
  readonly hasSession: boolean;
  /** Beside `session_id`. */
  readonly arguments: Arguments;
  readonly output: Output;
  readonly annotations: ToolAnnotations;
  run(args: z.output<z.ZodObject<Arguments>>, context: StateToolContext): Promise<z.input<Output>>;
}

/** Lets a tool's own schemas type its `run`. */
export function stateTool<Arguments extends z.ZodRawShape, Output extends z.ZodObject>(
  tool: StateTool<Arguments, Output>,
): StateTool {
  return tool as unknown as StateTool;
}

/**
 * Runs one `tools/call`. Whatever goes wrong becomes a result with `isError`, which the model reads: only so
 * can it correct itself (2025-11-25 and 2026-07-28, Tools, Error Handling).
 *
 * @param schema of the tool's arguments in the caller's revision
 */
export async function callStateTool(
  tool: StateTool,
  schema: z.ZodObject,
  args: unknown,
  context: Omit<StateToolContext, 'state'>,
): Promise<CallToolResult> {
  const parsed = schema.safeParse(args ?? {});
  if (!parsed.success) {
    return errorResult(`${tool.name}: ${parsed.error.issues.map(({ message }) => message).join('; ')}`);
  }
  const { session_id: sessionId, ...own } = parsed.data as { readonly session_id?: string };
  try {
    const structuredContent = await tool.run(own, { ...context, state: context.caller.at(sessionId) });
    return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent };
  } catch (error) {
    return errorResult(explain(error, context.settings.onBug));
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
