import { inputRequired, McpServer } from '@modelcontextprotocol/server';
import { expect, it } from 'vitest';
import { z } from 'zod';
import type { CallerSession } from '../../src/adapters/mcp/caller-session.ts';
import { memoryStore } from '../../src/adapters/memory/store.ts';
import { eventually } from '../contract/fixtures.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { library } from '../support/library.ts';
import { envelope, statelessPost } from '../support/stateless-request.ts';

interface Body {
  readonly id: unknown;
  readonly result?: {
    readonly requestState?: string;
    readonly content?: readonly { readonly text: string }[];
  };
  readonly error?: { readonly code: number; readonly data?: { readonly reason?: string } };
}

const _meta = envelope({ 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } });

/** Asks before it answers. Where it verifies `byHand`, it has an answer also if it cannot. */
function asking(session: CallerSession, byHand: boolean): McpServer {
  const { mint, verify } = session.requestState;
  const options = byHand ? {} : { requestState: { verify } };
  const server = new McpServer({ name: 'asking', version: '1' }, options);
  server.registerTool('ask', { inputSchema: z.object({}) }, async (_, { mcpReq }) => {
    const state = mcpReq.requestState<string>();
    if (state === undefined) {
      const requestedSchema = z.object({ agreed: z.boolean() });
      const agree = inputRequired.elicit({ message: 'Agreed?', requestedSchema });
      const requestState = await mint('asked', { singleUse: true });
      return inputRequired({ inputRequests: { agree }, requestState });
    }
    const text = byHand ? await verify(state).then(String, (error: Error) => error.name) : state;
    return { content: [{ type: 'text', text }] };
  });
  return server;
}

// Catches: a client that is told to begin anew, although what it sent is good; and an answer of a tool that is lost.
it('a state for a single use is not refused because the store is away', async () => {
  const faults = new FaultyStore();
  let byHand = false;
  const clock = new FakeClock(1_750_000_000_000);
  const { mcp, request } = library({
    store: faults.wrap(memoryStore()),
    clock,
    requestStateKeys: ['a secret of thirty-two bytes or more'],
    server: (session) => asking(session, byHand),
  });
  const call = async (params: Record<string, unknown>) => {
    const answers: Response[] = [];
    const init = statelessPost('tools/call', { arguments: {}, ...params, _meta });
    void request(init).then((response) => answers.push(response));
    await eventually(async () => {
      await clock.advance(100);
      return answers.length > 0;
    }, 'an answer');
    const { status, headers } = answers[0] as Response;
    const body = (await answers[0]?.json()) as Body;
    return { status, again: headers.get('retry-after'), ...body };
  };
  const { result } = await call({ name: 'ask' });
  const requestState = String(result?.requestState);
  const retry = { name: 'ask', requestState, inputResponses: { agree: { action: 'accept', content: {} } } };
  faults.fate = () => 'refused';
  const away = await call(retry);
  expect(away).toMatchObject({ status: 503, again: '1', id: 7 });
  expect(away.error?.data?.reason).toBe('store_unavailable');
  byHand = true;
  expect((await call(retry)).result?.content?.[0]?.text).toBe('StoreUnavailable');
  byHand = false;
  faults.fate = () => 'made';
  expect((await call(retry)).result?.content?.[0]?.text).toBe('asked');
  const again = await call(retry);
  expect(again).toMatchObject({ status: 200, error: { code: -32_602 } });
  await mcp.close();
});
