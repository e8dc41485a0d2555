import type { Reply } from '../support/raw-client.ts';
import type { Message } from '../support/sse-connection.ts';

/** Longer than any outage of these tests: the answer of a call that became a stream comes after it. */
const STREAM_MS = 60_000;

/** What a caller was told, and whether it is what a caller may be told. */
export type CallOutcome =
  | { readonly kind: 'done'; readonly result: Record<string, unknown> }
  /** Refused before a tool ran, or failed inside one. */
  | { readonly kind: 'refused' | 'failed'; readonly effect: 'none' | 'unknown' }
  | { readonly kind: 'wrong'; readonly what: string };

const DOWN = 'The session store is unavailable at the moment.';
const REFUSAL = `${DOWN} Try again shortly.`;
const FAILURES: Readonly<Record<string, 'none' | 'unknown'>> = {
  [`${DOWN} Nothing was changed: try again shortly.`]: 'none',
  [`${DOWN} It is unknown whether this took effect: check the state shortly, and repeat it if need be.`]:
    'unknown',
};

export async function callOutcome(reply: Reply, id: number): Promise<CallOutcome> {
  const { status, retryAfter, stream } = reply;
  if (stream !== undefined) await stream.end(STREAM_MS);
  const message = (stream?.answers.find((answer) => answer.id === id) ?? reply.body) as Message | undefined;
  if (status === 503 && retryAfter === '1' && message?.error?.message === REFUSAL && message.id === id) {
    return { kind: 'refused', effect: 'none' };
  }
  const { isError, content, structuredContent } = message?.result ?? {};
  if (status === 200 && isError === true) {
    const effect = FAILURES[content[0].text];
    if (effect !== undefined && structuredContent === undefined) return { kind: 'failed', effect };
  }
  if (status === 200 && isError === undefined && structuredContent !== undefined) {
    return { kind: 'done', result: structuredContent };
  }
  return { kind: 'wrong', what: `${status} ${retryAfter} ${JSON.stringify(message ?? null)}` };
}
