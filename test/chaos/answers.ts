import type { Reply } from '../support/raw-client.ts';
import type { Message } from '../support/sse-connection.ts';

/** What a client knows after a call of a tool. */
export type Answer =
  | { readonly kind: 'ok'; readonly result: Readonly<Record<string, unknown>> }
  /** Refused for the version that the key is at; 0 where it holds nothing. */
  | { readonly kind: 'conflict'; readonly version: number }
  /** Certainly not done. */
  | { readonly kind: 'fail'; readonly why: string }
  /** Done, or not, or still to be done. */
  | { readonly kind: 'unknown'; readonly why: string }
  /** What no fault explains. */
  | { readonly kind: 'wrong'; readonly why: string };

const CONFLICT = /^expected_version: .* but (?:its version is (\d+)|it does not exist)\./;

/** What a tool says that could not reach the store, and had not asked it to change anything. */
const WITHOUT_EFFECT = /session store is unavailable.* Nothing was changed/;

/** What a tool may say to which nobody can say whether it took effect. */
const UNCERTAIN = [/session store is unavailable/, /unknown whether the call with this idempotency_key/];

/** What the service answers for an instance that died, and a proxy for one that broke off. */
export const CALL_STOPPED = 'the instance running this call stopped; call again';

/** Of an answer that is no stream. */
export function answerOfReply({ status, body }: Reply, requestId: string | number): Answer {
  if (status === 200) return answerOfMessage(body as Message, requestId);
  if (status === 503) return { kind: 'fail', why: '503' };
  if (status === 502) {
    const isRefused = body === 'no upstream accepts connections';
    return { kind: isRefused ? 'fail' : 'unknown', why: `502 ${body}` };
  }
  return { kind: 'wrong', why: `${status} ${JSON.stringify(body)}` };
}

export function answerOfMessage({ id, result, error }: Message, requestId: string | number): Answer {
  if (id !== requestId) return { kind: 'wrong', why: `the answer to ${id} where ${requestId} was asked` };
  if (error !== undefined) {
    return { kind: error.message === CALL_STOPPED ? 'unknown' : 'wrong', why: JSON.stringify(error) };
  }
  if (result.isError !== true) return { kind: 'ok', result: result.structuredContent };
  const text = String(result.content[0].text);
  const conflict = CONFLICT.exec(text);
  if (conflict !== null) return { kind: 'conflict', version: Number(conflict[1] ?? 0) };
  if (WITHOUT_EFFECT.test(text)) return { kind: 'fail', why: text };
  return { kind: UNCERTAIN.some((each) => each.test(text)) ? 'unknown' : 'wrong', why: text };
}
