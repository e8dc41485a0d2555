import type { SessionState } from '../../../domain/session-state.ts';

/** A write as a tool was asked for it. */
interface Write {
  readonly tool: string;
  readonly args: {
    readonly idempotency_key?: string | undefined;
    readonly [name: string]: unknown;
  };
}

/**
 * Makes a write, or gives what came of it when it was made under the same idempotency key before.
 * @throws as {@link SessionState.once}
 */
export function idempotent<T>(
  { tool, args }: Write,
  state: SessionState,
  write: () => Promise<T>,
): Promise<T> {
  const { idempotency_key: key, ...input } = args;
  if (key === undefined) return write();
  // Not repeatable: made a second time, it could undo what somebody else has stored since the first.
  return state.once({ scope: tool, key, input }, write);
}
