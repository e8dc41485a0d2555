import { describe, expect, it } from 'vitest';
import { eventually, times } from '../contract/fixtures.ts';
import type { streamOf } from '../support/raw-client.ts';
import type { SseConnection } from '../support/sse-connection.ts';
import type { NewCluster } from './streams.suite.ts';

const announcing = (...texts: unknown[]) => ({ steps: texts.map((announce) => ({ announce })) });

/** The session's own stream: a GET on one instance, what is said to it on any. */
export function listeningSuite(newCluster: NewCluster): void {
  describe('the GET stream', () => {
    // Catches: a look at the stream's beginning that stops short, and skips in silence what it did not see.
    it('gives all that was said before it was first opened', async () => {
      const { b, ...cluster } = await newCluster();
      const client = await cluster.open();
      const words = times(150, (index) => ({ announce: index }));
      await client.call('run', { steps: words }, { at: b });
      const listening = await client.listen();
      await listening.until(() => listening.said.length >= words.length, 'all that was said');
      expect(listening.said).toEqual(words.map(({ announce }) => announce));
      // Whoever comes later without an event id begins with what is said then.
      const later = await client.listen();
      await client.call('run', announcing('now'), { at: b });
      await later.until(() => later.said.length > 0, 'what is said now');
      expect(later.said).toEqual(['now']);
    });

    // Catches: messages that were trimmed before the stream was first opened, without a word.
    it('says what it cannot give of what was said before it was first opened', async () => {
      const { b, ...cluster } = await newCluster({ limits: { eventsPerStream: 5 } });
      const client = await cluster.open();
      const words = times(40, (index) => ({ announce: index }));
      // One after the other: what waits for the store is appended together, and DynamoDB keeps or trims it whole.
      const calls = 5;
      for (let call = 0; call < calls; call += 1) await client.result('run', { steps: words }, { at: b });
      const listening = await client.listen();
      await listening.until(() => listening.messages.length > 0, 'the warning');
      expect(listening.messages[0]?.params).toMatchObject({
        level: 'warning',
        data: expect.stringContaining(`events 1 to ${calls * words.length} `),
      });
      await client.call('run', announcing('now'), { at: b });
      await listening.until(() => listening.said.includes('now'), 'what is said now');
    });

    // Catches: messages that only a connection on the emitting instance is given.
    it('gives what another instance says, and what its own does', async () => {
      const { a, b, ...cluster } = await newCluster();
      const client = await cluster.open();
      const listening = await client.listen({ at: a });
      await client.call('run', announcing('from b'), { at: b });
      await listening.until(() => listening.said.length === 1, 'the message from b');
      await client.call('run', announcing('from a'), { at: a });
      await listening.until(() => listening.said.length === 2, 'the message from a');
      await client.call('run', announcing('again from b'), { at: b });
      await listening.until(() => listening.said.length === 3, 'the second message from b');
      expect(listening.said).toEqual(['from b', 'from a', 'again from b']);
      expect(new Set(listening.events.map(({ id }) => id)).size).toBe(listening.events.length);
    });

    // Catches: a local message that overtakes a foreign one which is still being read, or that is given twice.
    it('gives what several instances say at once, once each and in each one’s order', async () => {
      const { origins, a, ...cluster } = await newCluster();
      const client = await cluster.open();
      const listening = await client.listen({ at: a });
      const emitters = [...origins, ...origins];
      const texts = (emitter: number) => times(15, (index) => `${emitter}:${index}`);
      await Promise.all(
        emitters.map((at, emitter) => client.call('run', announcing(...texts(emitter)), { at })),
      );
      await listening.until(() => listening.said.length >= 90, 'every message');
      for (const emitter of emitters.keys()) {
        expect(listening.said.filter((text) => String(text).startsWith(`${emitter}:`))).toEqual(
          texts(emitter),
        );
      }
      expect(sequences(listening)).toEqual(sequences(listening).toSorted((x, y) => x - y));
    });

    // Catches: two connections that are both given everything, or an older one that is left open.
    it.each(['the same instance', 'another instance'])(
      'is taken over by a newer GET on %s',
      async (where) => {
        const { a, b, c, ...cluster } = await newCluster();
        const client = await cluster.open();
        const older = await client.listen({ at: a });
        await client.call('run', announcing('first'), { at: c });
        await older.until(() => older.said.length === 1, 'the first message');
        const newer = await client.listen({ at: where === 'another instance' ? b : a });
        await older.end();
        await client.call('run', announcing('second'), { at: a });
        await client.call('run', announcing('third'), { at: c });
        await newer.until(() => newer.said.length === 2, 'the later messages');
        expect(older.said).toEqual(['first']);
        expect(newer.said).toEqual(['second', 'third']);
      },
    );

    // Catches: a change-over that loses or doubles what is said meanwhile, and an order of takeovers that differs
    // from one instance to the next.
    it('is taken over again and again while messages come: each is given once', async () => {
      const { origins, a, b, gates, ...cluster } = await newCluster();
      const client = await cluster.open();
      const connections = [await client.listen({ at: a })];
      const said = (): unknown[] => connections.flatMap((connection) => connection.said);
      const texts = times(60, (index) => index);
      const emitting = client.call('run', { steps: texts.map((announce) => ({ announce })) }, { at: b });
      for (const index of times(6, (each) => each)) {
        connections.push(await client.listen({ at: String(origins[(index + 1) % 3]) }));
      }
      streamOrAnswer(await emitting);
      await eventually(() => said().length >= 60, 'every message', 20_000);
      for (const older of connections.slice(0, -1)) await older.end();
      expect(said()).toEqual(texts);
      expect(connections.at(-1)?.outcome).toBeUndefined();
    });

    // Catches: what a server says or asks before its client can listen, and then lost.
    it.each(['a', 'b'] as const)('begins, on %s, with what was said before the first GET', async (on) => {
      const cluster = await newCluster({ asksForRoots: true });
      const client = await cluster.open({ at: cluster.a });
      await client.call('run', announcing('early'), { at: cluster.c });
      const listening = await client.listen({ at: cluster[on] });
      await listening.until(() => listening.messages.length === 2, 'both messages');
      expect(listening.messages.map(({ method }) => method).toSorted()).toEqual([
        'notifications/message',
        'roots/list',
      ]);
    });

    // Catches: a second GET that is given everything from the beginning once more.
    it('does not begin anew with the second GET', async () => {
      const cluster = await newCluster();
      const client = await cluster.open();
      await client.call('run', announcing('early'));
      const first = await client.listen();
      await first.until(() => first.said.length === 1, 'the early message');
      const second = await client.listen();
      await client.call('run', announcing('late'));
      await second.until(() => second.said.length > 0, 'a message');
      expect(second.said).toEqual(['late']);
    });

    // Catches: messages that are given to the wrong session.
    it('is its session’s alone', async () => {
      const cluster = await newCluster();
      const [one, other] = [await cluster.open(), await cluster.open()];
      const [first, second] = [await one.listen(), await other.listen()];
      await one.call('run', announcing('for one'));
      await other.call('run', announcing('for the other'));
      await first.until(() => first.said.length > 0, 'a message');
      await second.until(() => second.said.length > 0, 'a message');
      expect([first.said, second.said]).toEqual([['for one'], ['for the other']]);
    });
  });
}

function sequences({ events }: SseConnection): number[] {
  return events.map(({ id }) => Number(id?.split('.').at(-1)));
}

function streamOrAnswer(reply: Parameters<typeof streamOf>[0]): void {
  expect(reply.status).toBe(200);
}
