import { describe, expect, it } from 'vitest';
import { eventually, times } from '../contract/fixtures.ts';
import { answerOf, type RawClient } from '../support/raw-client.ts';
import type { SseConnection } from '../support/sse-connection.ts';
import { faultyCluster } from './faults.suite.ts';
import type { NewCluster } from './streams.suite.ts';

/** What a client was told has changed: the URI of a resource, or which list. */
export function changesIn({ messages }: SseConnection): string[] {
  return messages.flatMap(({ method = '', params }) => {
    const [, list] = /^notifications\/(\w+)\/list_changed$/.exec(method) ?? [];
    return method === 'notifications/resources/updated' ? [params.uri] : (list ?? []);
  });
}

export async function subscribe(client: RawClient, uri: string, at?: string): Promise<void> {
  const id = client.nextId();
  const body = { jsonrpc: '2.0', id, method: 'resources/subscribe', params: { uri } };
  expect(await answerOf(await client.post(body, at), id)).toMatchObject({ result: {} });
}

export const untilTold = (stream: SseConnection, count: number): Promise<void> =>
  stream.until(() => changesIn(stream).length >= count, `${count} changes`);

/** Changes that any instance publishes, to clients that listen on others. */
export function changesSuite(newCluster: NewCluster): void {
  describe('a change', () => {
    // Catches: an instance that tells its own clients only, a change that each instance tells of, and one that
    // overtakes another.
    it('reaches GET streams on every instance, once and in order', async () => {
      const { origins, a, ...cluster } = await newCluster({ tellsOfAll: true });
      const clients = await Promise.all(times(4, () => cluster.open()));
      const streams = await Promise.all(
        clients.map((client, index) => client.listen({ at: String(origins[index % 3]) })),
      );
      await Promise.all(clients.map((client) => subscribe(client, 'x:1')));
      const { notify } = cluster.mcp('a');
      await notify.toolsChanged();
      await cluster.mcp('b').notify.resourceUpdated('x:1');
      await notify.promptsChanged();
      await notify.resourcesChanged();
      await notify.toolsChanged();
      for (const stream of streams) {
        await untilTold(stream, 5);
        expect(changesIn(stream)).toEqual(['tools', 'x:1', 'prompts', 'resources', 'tools']);
      }
      expect(cluster.storeErrors).toEqual([]);
    });

    // Catches: notifications that a client was told would not come.
    it('is told only where the server said that it tells of such changes', async () => {
      const { b, ...cluster } = await newCluster();
      const client = await cluster.open();
      const stream = await client.listen({ at: b });
      const { notify } = cluster.mcp('a');
      await notify.promptsChanged();
      await notify.resourcesChanged();
      await notify.resourceUpdated('x:1');
      await notify.toolsChanged();
      await untilTold(stream, 1);
      expect(changesIn(stream)).toEqual(['tools']);
    });

    // Catches: subscriptions as the instance with the stream remembers them, and not as they are.
    it('of a resource is told to those who subscribed to it, on whatever instance', async () => {
      const { a, b, c, ...cluster } = await newCluster({ tellsOfAll: true });
      const [one, other] = [await cluster.open({ at: b }), await cluster.open({ at: b })];
      const [first, second] = [await one.listen({ at: b }), await other.listen({ at: b })];
      const { notify } = cluster.mcp('a');
      await subscribe(one, 'x:1', c);
      await notify.resourceUpdated('x:1');
      await subscribe(other, 'x:2', a);
      await notify.resourceUpdated('x:2');
      await notify.toolsChanged();
      await untilTold(first, 2);
      await untilTold(second, 2);
      expect([changesIn(first), changesIn(second)]).toEqual([
        ['x:1', 'tools'],
        ['x:2', 'tools'],
      ]);
    });

    // Catches: a change that the instance which had the stream tells of and the one that has it too, or neither.
    it('is told once while the stream moves from one instance to the next', async () => {
      const { origins, ...cluster } = await newCluster({ tellsOfAll: true });
      const client = await cluster.open();
      const uris = times(12, (index) => `x:${index}`);
      await Promise.all(uris.map((uri) => subscribe(client, uri, origins[0])));
      const streams = [await client.listen({ at: String(origins[0]) })];
      const told = (): string[] => streams.flatMap(changesIn);
      for (const [index, uri] of uris.entries()) {
        await cluster.mcp('a').notify.resourceUpdated(uri);
        if (index % 3 === 2) streams.push(await client.listen({ at: String(origins[(index + 1) % 3]) }));
      }
      await eventually(() => told().length >= uris.length, 'every change', 20_000);
      for (const older of streams.slice(0, -1)) await older.end();
      expect(told()).toEqual(uris);
    });

    // Catches: changes for which no instance feels responsible, since none has the stream.
    it('that came while the client was not connected is told when it comes back', async () => {
      const { a, b, c, ...cluster } = await newCluster({ tellsOfAll: true });
      const client = await cluster.open();
      await subscribe(client, 'x:1');
      const first = await client.listen({ at: b });
      const { notify } = cluster.mcp('a');
      await notify.toolsChanged();
      await untilTold(first, 1);
      first.close();
      await notify.resourceUpdated('x:1');
      await notify.resourceUpdated('x:2');
      await notify.promptsChanged();
      const second = await client.listen({ at: c, lastEventId: String(first.lastEventId) });
      await notify.resourcesChanged();
      await untilTold(second, 3);
      second.close();
      const third = await client.listen({ at: a, lastEventId: String(second.lastEventId) });
      await notify.toolsChanged();
      await untilTold(third, 1);
      expect([first, second, third].map(changesIn)).toEqual([
        ['tools'],
        ['x:1', 'prompts', 'resources'],
        ['tools'],
      ]);
    });

    // Catches: a change that is given up, or told as often as its append was repeated.
    it('that is published during an outage is told once the store is back, and once', async () => {
      const { b, store, ...cluster } = await faultyCluster(newCluster, { tellsOfAll: true });
      const client = await cluster.open();
      const stream = await client.listen({ at: b });
      store.fate = () => 'refused';
      const published = cluster.mcp('a').notify.toolsChanged();
      await eventually(() => store.failures >= 3, 'some attempts');
      expect(changesIn(stream)).toEqual([]);
      const fates = ['made and lost', 'made and lost'] as const;
      let attempt = 0;
      store.fate = () => fates[attempt++] ?? 'made';
      await published;
      await cluster.mcp('a').notify.promptsChanged();
      await untilTold(stream, 2);
      expect(changesIn(stream)).toEqual(['tools', 'prompts']);
    });
  });
}
