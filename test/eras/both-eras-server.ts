import {
  acceptedContent,
  type CallToolResult,
  type InputRequiredResult,
  inputRequired,
  McpServer,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { type CallerSession, registerSessionTools, sessionIdArgument } from '../../src/app/library/index.ts';
import type { Gates } from '../streams/fixture/gates.ts';

const agreed = z.object({ agreed: z.boolean() });

/** What the tools did, on any instance, in order. */
export interface Deeds {
  readonly charges: string[];
  readonly orders: string[];
}

/** A server as an author would write it, its tools registered once for both eras. */
export function bothErasServer(
  instance: string,
  session: CallerSession,
  { gates, deeds }: { readonly gates: Gates; readonly deeds: Deeds },
): McpServer {
  const server = new McpServer(
    { name: 'both-eras', version: '1' },
    {
      capabilities: { resources: { subscribe: true, listChanged: true } },
      requestState: { verify: session.requestState.verify },
    },
  );
  const session_id = sessionIdArgument(session);
  registerSessionTools(server, session);
  server.registerResource('config', 'config://app', {}, () => ({
    contents: [{ uri: 'config://app', text: '{}' }],
  }));

  // Older clients subscribe by a request of its own, of which the endpoint keeps what it says.
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));

  server.registerTool(
    'put',
    { inputSchema: z.object({ session_id, key: z.string(), value: z.unknown() }) },
    async ({ session_id, key, value }) =>
      say({ ...(await session.at(session_id).set(key, value)), instance }),
  );

  server.registerTool('read', { inputSchema: z.object({ session_id, key: z.string() }) }, async (args) =>
    say((await session.at(args.session_id).get(args.key)) ?? null),
  );

  // A call that must not be made twice: it waits at its gate, and leaves a trace.
  server.registerTool(
    'charge',
    {
      inputSchema: z.object({
        session_id,
        amount: z.number(),
        idempotency_key: z.string(),
        gate: z.string().optional(),
      }),
    },
    async ({ session_id, idempotency_key: key, gate, ...input }) => {
      const charged = await session.at(session_id).once({ scope: 'charge', key, input }, async () => {
        deeds.charges.push(instance);
        if (gate !== undefined) await gates.wait(gate, new AbortController().signal);
        return { amount: input.amount, by: instance };
      });
      return say(charged);
    },
  );

  // Asks first; what was asked for is in the state.
  server.registerTool(
    'order',
    { inputSchema: z.object({ item: z.string(), once: z.boolean().optional() }) },
    async ({ item, once }, { mcpReq }): Promise<CallToolResult | InputRequiredResult> => {
      const asked = mcpReq.requestState<{ readonly item: string; readonly by: string }>();
      const answer = acceptedContent(mcpReq.inputResponses, 'agree', agreed);
      if (asked === undefined || answer === undefined) {
        return inputRequired({
          inputRequests: {
            agree: inputRequired.elicit({ message: `Order ${item}?`, requestedSchema: agreed }),
          },
          requestState: await session.requestState.mint({ item, by: instance }, { singleUse: once }),
        });
      }
      deeds.orders.push(asked.item);
      return say({ item: asked.item, agreed: answer.agreed, askedBy: asked.by, doneBy: instance });
    },
  );
  return server;
}

function say(value: unknown) {
  return { content: [{ type: 'text' as const, text: JSON.stringify(value) }] };
}
