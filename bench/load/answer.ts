import type { Reply } from './connection.ts';
import { ServerSentEvents } from './server-sent-events.ts';

/** A server answered otherwise than it must: the run has failed, however fast it was. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';

  constructor(expected: string, got: unknown) {
    const shown = typeof got === 'string' ? got : (JSON.stringify(got) ?? String(got));
    super(`expected ${expected}, but got ${shown.length > 500 ? `${shown.slice(0, 500)}…` : shown}`);
  }
}

interface Message {
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

/**
 * The result of the request with this id, out of an answer in JSON or in server-sent events.
 *
 * @throws WrongAnswer if there is none, or an error
 */
export function resultIn({ status, headers, text }: Reply, id: number): unknown {
  if (status !== 200) throw new WrongAnswer('status 200', `${status} ${text}`);
  const type = headers['content-type'];
  const isStream = typeof type === 'string' && type.startsWith('text/event-stream');
  const message = isStream ? messagesIn(text).find((each) => each.id === id) : parsed(text);
  if (
    message === undefined ||
    message.id !== id ||
    message.error !== undefined ||
    message.result === undefined
  ) {
    throw new WrongAnswer(`the result of request ${id}`, text);
  }
  return message.result;
}

/** The messages of a complete stream of server-sent events; events without data, such as priming ones, are none. */
export function messagesIn(stream: string): readonly Message[] {
  const events = new ServerSentEvents().push(stream);
  return events.flatMap(({ data }) => (data === '' ? [] : [parsed(data)]));
}

function parsed(text: string): Message {
  try {
    return JSON.parse(text) as Message;
  } catch {
    throw new WrongAnswer('JSON', text);
  }
}
