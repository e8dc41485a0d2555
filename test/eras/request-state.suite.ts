import { describe, expect, it } from 'vitest';
import { envelope, statelessPost } from '../support/stateless-request.ts';
import { type NewErasCluster, said } from './eras-cluster.ts';

interface Answer {
  readonly result?: { readonly requestState?: string; readonly resultType?: string };
  readonly error?: { readonly code: number; readonly message: string };
}

const _meta = envelope({ 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } });

async function post(origin: string, params: Record<string, unknown>): Promise<Answer> {
  const response = await fetch(`${origin}/mcp`, statelessPost('tools/call', { _meta, ...params }));
  return (await response.json()) as Answer;
}

/** The first round of an order. */
async function ask(origin: string, args: Record<string, unknown>): Promise<string> {
  const { result } = await post(origin, { name: 'order', arguments: args });
  expect(result?.resultType).toBe('input_required');
  return String(result?.requestState);
}

const agree = { agree: { action: 'accept', content: { agreed: true } } };

function retry(origin: string, args: Record<string, unknown>, requestState: string): Promise<Answer> {
  return post(origin, { name: 'order', arguments: args, requestState, inputResponses: agree });
}

/** Calls that ask their client, and are made again with its answers. */
export function requestStateSuite(newCluster: NewErasCluster): void {
  describe('a call in several rounds', () => {
    it.each(['auto', 'legacy'] as const)(
      'is finished on any instance, for a client that is %s',
      async (mode) => {
        const { connect, deeds } = await newCluster();
        const asked: string[] = [];
        const client = await connect({
          mode,
          elicit: ({ message }) => {
            asked.push(message);
            return { action: 'accept', content: { agreed: true } };
          },
        });
        for (const item of ['tea', 'milk', 'sugar', 'salt']) {
          expect(said(await client.call('order', { item }))).toMatchObject({ item, agreed: true });
        }
        expect(asked).toEqual(['Order tea?', 'Order milk?', 'Order sugar?', 'Order salt?']);
        expect(deeds.orders).toEqual(['tea', 'milk', 'sugar', 'salt']);
      },
    );

    // Catches: a state that another instance cannot open, or that anybody can read.
    it('carries its state sealed from one instance to another', async () => {
      const { a, b } = await newCluster();
      const state = await ask(a, { item: 'a secret item' });
      const parts = state.split('.').map((part) => Buffer.from(part, 'base64url').toString());
      expect(parts.join()).not.toContain('item');
      const { result } = await retry(b, { item: 'a secret item' }, state);
      expect(JSON.stringify(result)).toContain(String.raw`\"askedBy\":\"a\",\"doneBy\":\"b\"`);
    });

    // Catches: an agreement to one thing that is used for another.
    it('refuses a state that was changed, or made for other arguments', async () => {
      const { a, b, deeds } = await newCluster();
      const state = await ask(a, { item: 'tea' });
      const changed = `${state.slice(0, -2)}${state.endsWith('AA') ? 'BB' : 'AA'}`;
      for (const [args, given] of [
        [{ item: 'tea' }, changed],
        [{ item: 'tea' }, 'nonsense'],
        [{ item: 'gold' }, state],
      ] as const) {
        const { error } = await retry(b, args, given);
        expect(error).toMatchObject({ code: -32_602, message: 'Invalid or expired requestState' });
      }
      expect(deeds.orders).toEqual([]);
    });

    it('refuses a state that another principal was given', async () => {
      const endpoint = {
        principal: (request: Request) => ({ issuer: 'i', subject: request.headers.get('x-subject') ?? 'me' }),
      };
      const { a, b } = await newCluster({ endpoint });
      const state = await ask(a, { item: 'tea' });
      const init = statelessPost(
        'tools/call',
        { _meta, name: 'order', arguments: { item: 'tea' }, requestState: state, inputResponses: agree },
        { 'x-subject': 'somebody else' },
      );
      const { error } = (await (await fetch(`${b}/mcp`, init)).json()) as Answer;
      expect(error?.code).toBe(-32_602);
      expect((await retry(b, { item: 'tea' }, state)).result).toBeDefined();
    });

    // Catches: a single use that each instance enforces for itself.
    it('takes a state for a single use once, of retries that race', async () => {
      const { a, b, c, deeds } = await newCluster();
      const args = { item: 'ring', once: true };
      const state = await ask(a, args);
      const answers = await Promise.all([a, b, c].map((at) => retry(at, args, state)));
      const codes = answers.map(({ error }) => error?.code ?? 'done').sort();
      expect(codes).toEqual([-32_602, -32_602, 'done']);
      expect(deeds.orders).toEqual(['ring']);
      expect((await retry(a, args, state)).error?.code).toBe(-32_602);
    });
  });
}
