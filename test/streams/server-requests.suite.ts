import { describe, expect, it } from 'vitest';
import { times } from '../contract/fixtures.ts';
import { answerOf, streamOf } from '../support/raw-client.ts';
import { officialClient, outcomeOf } from './fixture/official-client.ts';
import type { NewCluster } from './streams.suite.ts';

const accepted = (answer: string) => ({ action: 'accept', content: { answer } });

/** What servers ask their client, who answers on whichever instance. */
export function serverRequestsSuite(newCluster: NewCluster): void {
  describe('requests to the client', () => {
    // Catches: an answer that only the instance can use which it is posted to.
    it.each([
      ['elicitation/create', { ask: 'your name?' }, accepted('x')],
      ['sampling/createMessage', { sample: 'a poem' }, sampled('roses')],
      ['roots/list', { roots: true }, { roots: [{ uri: 'file:///x' }] }],
    ])('%s: asked on a, answered on b, and the call goes on on a', async (method, step, result) => {
      const { a, b, ...cluster } = await newCluster();
      const client = await cluster.open();
      const stream = streamOf(await client.call('run', { steps: [step, { say: 'on' }] }, { at: a, id: 1 }));
      const { id } = await stream.request(method);
      await client.tell({ id: String(id), result }, b);
      await stream.end();
      expect(outcomeOf(await stream.answer(1))).toEqual({ instance: 'a', answers: [result] });
      expect(stream.said).toEqual(['on']);
    });

    it('may be answered with an error', async () => {
      const { a, b, ...cluster } = await newCluster();
      const client = await cluster.open();
      const stream = streamOf(await client.call('run', { steps: [{ ask: '?' }] }, { at: a, id: 1 }));
      const { id } = await stream.request('elicitation/create');
      await client.tell({ id: String(id), error: { code: -1, message: 'no idea' } }, b);
      const { answers } = outcomeOf(await stream.answer(1));
      expect(JSON.stringify(answers)).toContain('no idea');
    });

    // Catches: ids that two instances, or two servers of one, both give out, so that answers cross.
    it('never cross, of 100 at once from every instance in one session', async () => {
      const { origins, ...cluster } = await newCluster();
      const client = await cluster.open();
      const ids = new Set<unknown>();
      const calls = times(100, async (index) => {
        const [at, elsewhere] = [origins[index % 3], origins[(index + 1) % 3]];
        const steps = [{ ask: `question ${index}` }, { ask: `second ${index}` }];
        const stream = streamOf(await client.call('run', { steps }, { at: String(at), id: index }));
        const answer = async (nth: number): Promise<void> => {
          const { id, params } = await stream.request('elicitation/create', nth);
          ids.add(id);
          await client.tell({ id: String(id), result: accepted(`to ${params.message}`) }, elsewhere);
        };
        await answer(0);
        await answer(1);
        const { answers } = outcomeOf(await stream.answer(index));
        expect(answers).toEqual([accepted(`to question ${index}`), accepted(`to second ${index}`)]);
      });
      await Promise.all(calls);
      expect(ids.size).toBe(200);
    }, 60_000);

    // Catches: ids that are counted by each server: a session's servers on one instance may be several.
    it('never cross between a server and the one that replaced it', async () => {
      const { a, b, ...cluster } = await newCluster();
      const client = await cluster.open();
      const ask = async (id: number) => {
        const stream = streamOf(await client.call('run', { steps: [{ ask: `${id}` }] }, { at: a, id }));
        return { id, stream, request: await stream.request('elicitation/create') };
      };
      const calls = [await ask(1)];
      for (const [index, level] of ['error', 'info'].entries()) {
        // What b changes about the session, a's server does not know.
        const setLevel = { jsonrpc: '2.0', id: 'level', method: 'logging/setLevel', params: { level } };
        await answerOf(await client.post(setLevel, b), 'level');
        calls.push(await ask(index + 2));
      }
      for (const { id, request } of calls) {
        await client.tell({ id: String(request.id), result: accepted(`to ${id}`) }, b);
      }
      for (const { id, stream } of calls) {
        expect(outcomeOf(await stream.answer(id)).answers).toEqual([accepted(`to ${id}`)]);
      }
    });

    // Catches: a request without a related call that is sent on a call's stream, or on an instance's own GET only.
    it('go over the GET stream where they belong to no call', async () => {
      const { a, b, c, ...cluster } = await newCluster();
      const client = await cluster.open();
      const listening = await client.listen({ at: b });
      const steps = [{ ask: 'session?', on: 'session' }];
      const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      const { id, params } = await listening.request('elicitation/create');
      expect(params.message).toBe('session?');
      await client.tell({ id: String(id), result: accepted('here') }, c);
      await stream.end();
      expect(stream.messages).toHaveLength(1);
      expect(outcomeOf(await stream.answer(1)).answers).toEqual([accepted('here')]);
    });

    it('are answered by the official client, through the proxy', async () => {
      const cluster = await newCluster({ seed: 11 });
      const official = await officialClient(cluster.proxy.origin);
      try {
        const outcomes = await Promise.all(
          times(15, (index) => official.run({ ask: `q${index}` }, { roots: true })),
        );
        for (const [index, { answers }] of outcomes.entries()) {
          expect(answers).toEqual([accepted(`to q${index}`), { roots: [{ uri: 'file:///official' }] }]);
        }
      } finally {
        await official.close();
      }
    });

    // Catches: an error for, or a crash by, an answer that nobody waits for, and answers taken from strangers.
    it('are not answered by ids that are unknown, spent or another session’s', async () => {
      const { a, b, gates, ...cluster } = await newCluster();
      const [client, stranger] = [await cluster.open(), await cluster.open()];
      const stream = streamOf(
        await client.call('run', { steps: [{ ask: '?' }, { gate: 'answered' }] }, { at: a, id: 1 }),
      );
      const id = String((await stream.request('elicitation/create')).id);
      const wrong = { result: accepted('wrong') };
      const notIt = `${id.slice(0, -1)}${(Number(id.at(-1)) + 7) % 10}1`;
      for (const at of [a, b]) {
        for (const foreign of ['0', 'abc', '0123456789abcdef.1', notIt]) {
          await client.tell({ id: foreign, ...wrong }, at);
        }
        await client.tell({ id: 0 as number, ...wrong }, at);
        await stranger.tell({ id, ...wrong }, at);
      }
      await client.tell({ id, result: accepted('right') }, b);
      await gates.reached('answered');
      for (const at of [a, b]) await client.tell({ id, ...wrong }, at);
      gates.open('answered');
      expect(outcomeOf(await stream.answer(1)).answers).toEqual([accepted('right')]);
    });
  });
}

function sampled(text: string): object {
  return { role: 'assistant', content: { type: 'text', text }, model: 'm' };
}
