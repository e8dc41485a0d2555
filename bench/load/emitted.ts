import { WrongAnswer } from './answer.ts';
import type { ServerSentEvent } from './server-sent-events.ts';
import type { ToolClient } from './tool-client.ts';

/** A notification of the emitter's. */
export interface Emitted {
  readonly number: number;
  /** When its tool sent it, by `process.hrtime.bigint()`. */
  readonly at: bigint;
}

/** A log message of ordinary length. */
export const TEXT = 'The import of the monthly figures has finished: 1,204 rows, none refused.';

/** Has the emitter notify its client. @throws WrongAnswer if it does not say that it did */
export async function emit(client: ToolClient, from: number, count: number): Promise<void> {
  const { emitted } = await client.call('emit', { from, count, text: TEXT });
  if (emitted !== count) throw new WrongAnswer(`${count} emitted`, emitted);
}

/** The notification in an event; `undefined` for an event without data. @throws WrongAnswer if it holds another message */
export function emittedIn({ data }: ServerSentEvent): Emitted | undefined {
  if (data === '') return undefined;
  const { method, params } = JSON.parse(data) as {
    readonly method?: unknown;
    readonly params?: {
      readonly data?: { readonly number?: unknown; readonly at?: unknown; readonly text?: unknown };
    };
  };
  const { number, at, text } = params?.data ?? {};
  if (
    method !== 'notifications/message' ||
    typeof number !== 'number' ||
    typeof at !== 'string' ||
    text !== TEXT
  ) {
    throw new WrongAnswer('a notification of the emitter', data);
  }
  return { number, at: BigInt(at) };
}
