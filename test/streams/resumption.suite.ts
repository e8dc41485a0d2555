import { describe, expect, it } from 'vitest';
import { eventually, times } from '../contract/fixtures.ts';
import { streamOf } from '../support/raw-client.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { Message } from '../support/sse-connection.ts';
import { outcomeOf } from './fixture/official-client.ts';
import type { NewCluster, ScriptCluster } from './streams.suite.ts';

const saying = (count: number, before = 'm'): object[] =>
  times(count, (index) => ({ say: `${before}${index}` }));

/** Streams that broke, resumed on whichever instance. */
export function resumptionSuite(newCluster: NewCluster): void {
  describe('resumption', () => {
    // Catches: a replay that leaves out, doubles or reorders messages, that begins one too early or too late, or
    // that only the instance can give which runs the call.
    it.each([0, 1, 2, 5])(
      'of a running call, cut after %i messages, gives the rest once and in order',
      async (cut) => {
        const { gates, a, b, ...cluster } = await newCluster();
        const client = await cluster.open();
        const steps = [...saying(cut), { gate: 'half' }, ...saying(4, 'late'), { gate: 'end' }];
        const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
        await stream.until(() => stream.events.length === cut + 1, 'the first half');
        stream.close();
        const resumed = await client.listen({ at: b, lastEventId: String(stream.lastEventId) });
        gates.open('half');
        await resumed.until(() => resumed.said.length === 4, 'the second half');
        gates.open('end');
        await resumed.end();
        expect(outcomeOf(await resumed.answer(1)).instance).toBe('a');
        expect([...stream.said, ...resumed.said]).toEqual(
          steps.flatMap((step) => ('say' in step ? [step.say] : [])),
        );
        expect(resumed.messages).toHaveLength(5);
      },
    );

    // Catches: as above, for every place in a stream and any number of breaks.
    it.each(times(6, (index) => index + 1))(
      'any number of times, on any instance (seed %i)',
      async (seed) => {
        const { origins, gates, ...cluster } = await newCluster();
        const random = seededRandom(seed);
        const anywhere = (): string => String(origins[Math.floor(random() * origins.length)]);
        const client = await cluster.open();
        const steps = times(30, (index) => (index % 7 === 6 ? { gate: `${index}` } : { say: index }));
        const got: Message[] = [];
        let connection = streamOf(await client.call('run', { steps }, { at: anywhere(), id: 1 }));
        let lastEventId = '';
        for (let gate = 6; ; ) {
          const enough = 1 + Math.floor(random() * 6);
          await connection.until(
            () => {
              if (connection.events.length >= enough) return true;
              // Not always, so that streams are also resumed which have nothing new.
              if (random() < 0.3 && gate < 30) gates.open(`${gate}`);
              if (random() < 0.3) gate += 7;
              return connection.outcome === 'ended' || (gate > 30 && openRest(gates));
            },
            'some events',
            20_000,
          );
          if (connection.outcome === 'ended') break;
          connection.close();
          await eventually(() => connection.outcome !== undefined, 'the cut');
          // What was on the wire when it was cut counts: the client has it.
          got.push(...connection.messages);
          lastEventId = connection.lastEventId ?? lastEventId;
          connection = await client.listen({ at: anywhere(), lastEventId });
        }
        got.push(...connection.messages);
        expect(got.slice(0, -1).map(({ params }) => params.data)).toEqual(
          steps.flatMap((step) => ('say' in step ? [step.say] : [])),
        );
        expect(got.at(-1)).toMatchObject({ id: 1, result: {} });
      },
    );

    // Catches: a stream that is forgotten with its call, and a replay after which the connection stays open.
    it.each(['a', 'b', 'c'] as const)('on %s after the call’s end gives the rest, and ends', async (on) => {
      const cluster = await newCluster();
      const client = await cluster.open();
      const stream = streamOf(await client.call('run', { steps: saying(5) }, { at: cluster.a, id: 1 }));
      await stream.end();
      for (const [index, { id }] of stream.events.slice(0, -1).entries()) {
        const again = await client.listen({ at: cluster[on], lastEventId: String(id) });
        await again.end();
        expect(again.events.filter(({ data }) => data)).toEqual(stream.events.slice(index + 1));
      }
    });

    // Catches: a client that has everything, and waits for ever for more.
    it('after the very last event ends at once', async () => {
      const cluster = await newCluster();
      const client = await cluster.open();
      const stream = streamOf(await client.call('run', { steps: saying(1) }, { id: 1 }));
      await stream.end();
      const again = await client.listen({ lastEventId: String(stream.lastEventId) });
      await again.end(2_000);
      expect(again.messages).toEqual([]);
    });

    // Catches: a second connection to a call's stream that leaves the first one open, so that both are given all.
    it('takes a call’s stream over from the connection that has it', async () => {
      const { gates, a, b, c, ...cluster } = await newCluster();
      const client = await cluster.open();
      const steps = [{ say: 'begun' }, { gate: 'gate' }, { say: 'late' }];
      const first = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      await first.until(() => first.said.length === 1, 'the first message');
      const connections = [first];
      for (const at of [a, b, c, b]) {
        connections.push(await client.listen({ at, lastEventId: String(first.lastEventId) }));
        await connections.at(-2)?.end();
      }
      gates.open('gate');
      await connections.at(-1)?.end();
      expect(connections.map(({ said }) => said)).toEqual([['begun'], [], [], [], ['late']]);
    });
  });
}

function openRest(gates: ScriptCluster['gates']): false {
  gates.openAll();
  return false;
}
