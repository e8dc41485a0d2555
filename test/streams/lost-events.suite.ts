import { describe, expect, it } from 'vitest';
import { times } from '../contract/fixtures.ts';
import { streamOf } from '../support/raw-client.ts';
import type { NewCluster, ScriptCluster } from './streams.suite.ts';

const KEEP = 5;

/** More messages than the log keeps. */
const manyOf = ({ harness }: ScriptCluster): number => KEEP + harness.capabilities.trimSlack + 20;

/** Streams of which some is no longer kept when a client resumes. */
export function lostEventsSuite(newCluster: NewCluster): void {
  const smallLogs = (): Promise<ScriptCluster> => newCluster({ limits: { eventsPerStream: KEEP } });

  describe('a cursor older than the log', () => {
    // Catches: a part of a call's messages that is given as if it were all, or a client that is left to wait.
    it.each(['running', 'ended'])(
      'of a call that has %s is answered with an error, and the stream ends',
      async (state) => {
        const cluster = await smallLogs();
        const { gates, a, b } = cluster;
        const client = await cluster.open();
        const steps = [
          { say: 'seen' },
          { gate: 'on' },
          ...times(manyOf(cluster), (index) => ({ say: index })),
          { announce: 'half' },
          { gate: 'end' },
        ];
        const stream = streamOf(await client.call('run', { steps }, { at: a, id: 'lost' }));
        await stream.until(() => stream.said.length === 1, 'the first message');
        const seen = String(stream.lastEventId);
        stream.close();
        if (state === 'ended') gates.open('end');
        gates.open('on');
        const listening = await client.listen();
        await listening.until(() => listening.said.length === 1, 'the log is trimmed');
        const resumed = await client.listen({ at: b, lastEventId: seen });
        await resumed.end();
        expect(resumed.messages).toMatchObject([{ id: 'lost', error: { code: -32_000 } }]);
        expect(resumed.messages[0]?.error?.message).toMatch(/^The events 3 to \d+ /);
        // Whoever asks for what follows is told that there is nothing more.
        const { status } = await client.get({ lastEventId: String(resumed.lastEventId) });
        expect(status).toBe(204);
      },
    );

    // Catches: marks of connections that push what a stream answers out of the log, so that nobody can be told.
    it('of a call that was only reconnected to is answered with an error too', async () => {
      const cluster = await smallLogs();
      const { a, b, gates } = cluster;
      const client = await cluster.open();
      const stream = streamOf(await client.call('run', { steps: [{ gate: 'end' }] }, { at: a, id: 'quiet' }));
      await stream.until(() => stream.events.length > 0, 'the first event');
      const first = stream.firstEventId;
      let last = first;
      for (let time = 0; time < manyOf(cluster); time += 1) {
        const resumed = await client.listen({ at: b, lastEventId: last });
        await resumed.until(() => resumed.lastEventId !== undefined, 'an id to come back with');
        last = String(resumed.lastEventId);
        resumed.close();
      }
      const lost = await client.listen({ at: b, lastEventId: first });
      await lost.end();
      expect(lost.messages).toMatchObject([{ id: 'quiet', error: { code: -32_000 } }]);
      const resumed = await client.listen({ at: b, lastEventId: last });
      gates.open('end');
      await resumed.end();
      expect(resumed.messages).toMatchObject([{ id: 'quiet', result: {} }]);
    });

    it('of a batch is answered with an error for each request', async () => {
      const cluster = await smallLogs();
      const client = await cluster.open({ protocolVersion: '2025-03-26' });
      const steps = times(manyOf(cluster), (index) => ({ say: index }));
      const body = [1, 2].map((id) => ({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'run', arguments: { steps } },
      }));
      const stream = streamOf(await client.post(body));
      await stream.end();
      const resumed = await client.listen({ lastEventId: String(stream.events[0]?.id) });
      await resumed.end();
      expect(resumed.messages.map(({ id, error }) => [id, error?.code])).toEqual([
        [1, -32_000],
        [2, -32_000],
      ]);
    });

    // Catches: messages that are missing without a word, and a stream that ends for it.
    it('of the GET stream is told what it misses, then given the rest, and goes on', async () => {
      const cluster = await smallLogs();
      const { a, b, c } = cluster;
      const client = await cluster.open();
      const announce = (...texts: unknown[]): Promise<unknown> =>
        client.result('run', { steps: texts.map((text) => ({ announce: text })) }, { at: a });
      const first = await client.listen({ at: c });
      await announce('seen');
      await first.until(() => first.said.length === 1, 'the first message');
      const seen = String(first.lastEventId);
      first.close();
      const count = manyOf(cluster);
      await announce(...times(count, (index) => index));
      const resumed = await client.listen({ at: b, lastEventId: seen });
      await resumed.until(() => resumed.said.includes(count - 1), 'the last message');
      await announce('on');
      await resumed.until(() => resumed.said.includes('on'), 'the stream goes on');

      const [told, ...rest] = resumed.events.filter(({ data }) => data);
      const { method, params } = JSON.parse(String(told?.data));
      expect([method, params.level]).toEqual(['notifications/message', 'warning']);
      const [, from, to] = /events (\d+) to (\d+)/.exec(params.data) ?? [];
      expect(Number(from)).toBe(sequenceOf(seen) + 1);
      expect(sequenceOf(told?.id)).toBe(Number(to));
      expect(sequenceOf(rest[0]?.id)).toBe(Number(to) + 1);
      const kept = resumed.said.slice(1, -1);
      expect(kept.length).toBeGreaterThan(KEEP - 2);
      expect(kept).toEqual(times(count, (index) => index).slice(-kept.length));
    });
  });
}

function sequenceOf(id: string | undefined): number {
  return Number(id?.split('.').at(-1));
}
