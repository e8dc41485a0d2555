import type { SessionState } from '../../../domain/session-state.ts';

/** A write as a tool was asked for it. */
interface Write {
  readonly tool: string;
  readonly args: {
    readonly idempotency_key?: string | undefined;
    readonly expected_version?: number | undefined;
    readonly [name: string]: unknown;
  };
}

/** Makes a write, or gives what came of it when it was made under the same idempotency key before. */
export function idempotent<T>(
  { tool, args }: Write,
  state: SessionState,
  write: () => Promise<T>,
): Promise<T> {
  const { idempotency_key: key, ...input } = args;
  if (key === undefined) return write();
  // Made twice, a write without a guard comes to the same; one with it would find the version that it made itself.
  const repeatable = args.expected_version === undefined;
  return state.once({ scope: tool, key, input, repeatable }, write);
}
