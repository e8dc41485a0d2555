import { describe, expect, it } from 'vitest';
import { streamOf } from '../support/raw-client.ts';
import type { NewCluster } from './streams.suite.ts';

/** What a client may give as `Last-Event-ID`, and what it may expect of the ids that it is given. */
export function eventIdsSuite(newCluster: NewCluster): void {
  describe('event ids', () => {
    // Catches: a resumption that leads to another session's messages, to what clients posted, or into the blue
    // where a client would wait for ever.
    it('that are not of this session’s streams are refused with 400', async () => {
      const { a, b, origins, ...cluster } = await newCluster();
      const [client, stranger] = [await cluster.open(), await cluster.open()];
      const foreign = streamOf(await stranger.call('run', { steps: [{ say: 'secret' }] }, { at: a, id: 1 }));
      await foreign.end();
      const steps = [{ announce: 'x' }, { ask: '?' }];
      const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
      const { id } = await stream.request('elicitation/create');
      // Now there is an inbound stream too.
      await client.tell({ id: String(id), result: { action: 'cancel' } }, b);
      await stream.end();
      const own = String(stream.lastEventId);
      const [name, last] = own.split('.');
      const wrong = [
        ...foreign.events.map((event) => String(event.id)),
        `${name}.${Number(last) + 1}`,
        'standalone.2',
        'standalone.999999999999',
        'inbound.1',
        'inbound.0',
        'call-0123456789abcdef-0123456789abcdef.1',
        `${name}`,
        `${name}.`,
        `${name}.-1`,
        `${name}.1.1`,
        `${name}.01`,
        `${name}.1e1`,
        `${name}.99999999999999999999`,
        '.1',
        '1',
        "' or 1=1 --",
        'x'.repeat(256),
      ];
      for (const at of origins) {
        for (const lastEventId of wrong) {
          const { status, body } = await client.get({ at, lastEventId });
          expect([lastEventId, status]).toEqual([lastEventId, 400]);
          expect(body).toMatchObject({ id: null, error: { data: { reason: 'unknown_event_id' } } });
        }
      }
    });

    // Catches: a resumption that gives a session's other messages too.
    it('lead to their own stream alone', async () => {
      const { gates, origins, ...cluster } = await newCluster();
      const client = await cluster.open();
      const listening = await client.listen();
      const streams = await Promise.all(
        origins.map(async (at, id) => {
          const steps = [{ say: `${id} one` }, { announce: id }, { gate: 'on' }, { say: `${id} two` }];
          return streamOf(await client.call('run', { steps }, { at, id }));
        }),
      );
      await listening.until(() => listening.said.length === 3, 'all are half through');
      for (const stream of streams) await stream.until(() => stream.said.length === 1, 'the first message');
      const [first] = listening.events;
      gates.open('on');
      for (const [id, stream] of streams.entries()) {
        await stream.end();
        const at = String(origins[(id + 1) % 3]);
        const again = await client.listen({ at, lastEventId: String(stream.events[0]?.id) });
        await again.end();
        expect(again.said).toEqual([`${id} one`, `${id} two`]);
        expect(again.messages.at(-1)).toMatchObject({ id });
      }
      const again = await client.listen({ lastEventId: String(first?.id) });
      await again.until(() => again.said.length === 3, 'the session’s messages');
      expect(again.messages).toHaveLength(3);
      const ids = [listening, again, ...streams].flatMap(({ events }) => events.map(({ id }) => id));
      // Those three came twice, under the same ids.
      expect(new Set(ids).size).toBe(ids.length - 3);
    });

    // Catches: the other session's messages where both sessions have a stream and an event of that name.
    it('of the GET stream, which every session has, give this session’s messages only', async () => {
      const cluster = await newCluster();
      const [client, stranger] = [await cluster.open(), await cluster.open()];
      for (const [session, text] of [
        [client, 'mine'],
        [stranger, 'not mine'],
      ] as const) {
        const steps = [{ announce: text }, { announce: text }];
        await session.call('run', { steps });
      }
      const theirs = await stranger.listen();
      await theirs.until(() => theirs.said.length === 2, 'their messages');
      const mine = await client.listen({ lastEventId: 'standalone.1' });
      await mine.until(() => mine.said.length > 0, 'my message');
      expect(mine.said).toEqual(['mine']);
    });

    // Catches: an event without data for clients that would take it for a broken message, and none for those that
    // need it to resume what has said nothing yet.
    it('are given at once from 2025-11-25 on', async () => {
      const { gates, ...cluster } = await newCluster();
      const client = await cluster.open();
      const stream = streamOf(await client.call('run', { steps: [{ gate: 'on' }] }, { id: 1 }));
      const listening = await client.listen();
      for (const each of [stream, listening]) {
        await each.until(() => each.events.length > 0, 'the priming event');
        expect(each.events).toEqual([{ id: expect.any(String), data: '', retry: expect.any(Number) }]);
      }
      stream.close();
      gates.open('on');
      const resumed = await client.listen({ lastEventId: String(stream.lastEventId) });
      await resumed.end();
      expect(resumed.messages).toMatchObject([{ id: 1, result: {} }]);
    });

    it.each(['2024-11-05', '2025-03-26', '2025-06-18'])(
      'come with messages only in %s, and can be resumed from',
      async (protocolVersion) => {
        const { gates, a, b, ...cluster } = await newCluster();
        const client = await cluster.open({ protocolVersion });
        const steps = [
          { announce: 'x' },
          { say: 'one' },
          { disconnect: 'call' },
          { gate: 'on' },
          { say: 'two' },
        ];
        const listening = await client.listen({ at: b });
        const stream = streamOf(await client.call('run', { steps }, { at: a, id: 1 }));
        await stream.until(() => stream.said.length === 1, 'the first message');
        await listening.until(() => listening.said.length === 1, 'the session’s message');
        for (const each of [stream, listening]) {
          expect(each.events).toEqual([{ id: expect.any(String), data: expect.stringContaining('jsonrpc') }]);
        }
        // Such a client would not come back, so its server cannot send it away.
        expect(stream.outcome).toBeUndefined();
        stream.close();
        const resumed = await client.listen({ at: b, lastEventId: String(stream.lastEventId) });
        gates.open('on');
        await resumed.end();
        expect(resumed.said).toEqual(['two']);
        expect(resumed.events).toHaveLength(2);
        expect(resumed.messages.at(-1)).toMatchObject({ id: 1, result: {} });
      },
    );
  });
}
