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

/** Asks before it answers, and knows how to go on where it cannot verify a state by itself. */
function asking(session: CallerSession): McpServer {
  const { mint, verify } = session.requestState;
  const server = new McpServer({ name: 'asking', version: '1' }, { requestState: { verify } });
  server.registerTool('ask', { inputSchema: z.object({}) }, async (_, { mcpReq }) => {
    if (mcpReq.requestState() !== undefined) return { content: [{ type: 'text', text: 'done' }] };
    const requestedSchema = z.object({ agreed: z.boolean() });
    return inputRequired({
      inputRequests: { agree: inputRequired.elicit({ message: 'Agreed?', requestedSchema }) },
      requestState: await mint('asked', { singleUse: true }),
    });
  });
  server.registerTool('verify', { inputSchema: z.object({ state: z.string() }) }, async ({ state }) => {
    const known = await verify(state).then(String, () => 'unknown');
    return { content: [{ type: 'text', text: known }] };
  });
  return server;
}

// Catches: a client that is told to begin anew, although what it sent is good.
it('a state for a single use is not refused because the store is away', async () => {
  const faults = new FaultyStore();
  const clock = new FakeClock(1_750_000_000_000);
  const { mcp, request } = library({
    store: faults.wrap(memoryStore()),
    clock,
    requestStateKeys: ['a secret of thirty-two bytes or more'],
    server: asking,
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
  const byItself = await call({ name: 'verify', arguments: { state: requestState } });
  expect(byItself.result?.content?.[0]?.text).toBe('unknown');
  faults.fate = () => 'made';
  expect((await call(retry)).result?.content?.[0]?.text).toBe('done');
  const again = await call(retry);
  expect(again).toMatchObject({ status: 200, error: { code: -32_602 } });
  await mcp.close();
});
