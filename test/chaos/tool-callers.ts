import { type RawClient, type Reply, readReply } from '../support/raw-client.ts';
import { statelessPost } from '../support/stateless-request.ts';
import { type Answer, answerOfMessage, answerOfReply } from './answers.ts';
import { endProblems } from './reading-checks.ts';
import { StreamReader } from './stream-reader.ts';

/** After which a client gives a call up. */
const CALL_MS = 8_000;

/** One way to call tools about a session. Never rejects. */
export type ToolCaller = (name: string, args: Record<string, unknown>) => Promise<Answer>;

/** As clients up to 2025-11-25 do it: the connection has the session, and a slow answer is a stream to resume. */
export function callerInSession(client: RawClient, nextId: () => number): ToolCaller {
  return (name, args) => {
    const id = `call-${nextId()}`;
    const message = { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } };
    const deadline = Date.now() + CALL_MS;
    return answered(
      (cut) => client.post(message, undefined, cut),
      async (reply) => {
        if (reply.stream === undefined) return answerOfReply(reply, id);
        const reader = new StreamReader({ client, requestId: id, deadline: () => deadline });
        const reading = await reader.read(reply.stream);
        if (reader.answer !== undefined) return answerOfMessage(reader.answer, id);
        const [problem] = reading.end === 'open' ? [] : endProblems(reading);
        if (problem !== undefined) return { kind: 'wrong', why: problem };
        return { kind: 'unknown', why: `its stream: ${reading.end}` };
      },
    );
  };
}

/** As clients of 2026-07-28 do it: each call names the session, and a broken connection ends the call. */
export function callerByHandle(origin: string, sessionId: string): ToolCaller {
  return (name, args) => {
    const request = statelessPost('tools/call', { name, arguments: { session_id: sessionId, ...args } });
    return answered(
      async (cut) => readReply(await fetch(`${origin}/mcp`, { ...request, signal: cut.signal }), cut),
      async (reply) => {
        // Its id is always this one.
        if (reply.stream === undefined) return answerOfReply(reply, 7);
        return { kind: 'wrong', why: 'a stream, where a state tool has nothing to say ahead of its answer' };
      },
    );
  };
}

async function answered(
  send: (cut: AbortController) => Promise<Reply>,
  read: (reply: Reply) => Promise<Answer>,
): Promise<Answer> {
  const cut = new AbortController();
  const timer = setTimeout(() => cut.abort(), CALL_MS);
  let reply: Reply;
  try {
    reply = await send(cut);
  } catch (error) {
    const { message, cause } = error as Error;
    return { kind: 'unknown', why: cause instanceof Error ? cause.message : message };
  } finally {
    clearTimeout(timer);
  }
  return read(reply);
}
