import { describe, expect, it } from 'vitest';
import { eventually } from '../contract/fixtures.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { SseConnection } from '../support/sse-connection.ts';
import { statelessPost } from '../support/stateless-request.ts';
import { MODERN_ONLY, type ModernClient } from '../support/v2-client.ts';
import type { NewErasCluster } from './eras-cluster.ts';

const URI = 'config://app';
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

/** A stream of changes as it comes over the wire. */
async function listen(origin: string, notifications: Record<string, unknown>): Promise<SseConnection> {
  const cut = new AbortController();
  const init = statelessPost('subscriptions/listen', { notifications });
  const response = await fetch(`${origin}/mcp`, { ...init, signal: cut.signal });
  if (response.body === null) throw new Error(`no stream, but ${response.status}`);
  return new SseConnection(response.body, cut);
}

/** What a client is told of, in order. */
function heardBy({ client }: ModernClient): string[] {
  const heard: string[] = [];
  client.setNotificationHandler('notifications/resources/list_changed', () => void heard.push('list'));
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void heard.push(params.uri),
  );
  client.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'));
  return heard;
}

/** Changes that one instance publishes, and clients of both eras hear of. */
export function changesSuite(newCluster: NewErasCluster): void {
  describe('a change', () => {
    // Catches: listeners that hear of their own instance's changes only, or of one era's.
    it('published on one instance is heard of in both eras on all others, in order', async () => {
      const { a, b, c, connect, mcp } = await newCluster();
      const listeners = await Promise.all([a, b, c].map((at) => connect({ at, mode: MODERN_ONLY })));
      const legacy = await connect({ at: c, mode: 'legacy' });
      await legacy.client.subscribeResource({ uri: URI });
      const heard = [...listeners, legacy].map(heardBy);
      for (const { client } of listeners) {
        const { honoredFilter } = await client.listen({
          resourcesListChanged: true,
          resourceSubscriptions: [URI],
          promptsListChanged: true,
        });
        // The server has no prompts to tell of.
        expect(honoredFilter).toEqual({ resourcesListChanged: true, resourceSubscriptions: [URI] });
      }
      const { notify } = mcp('a');
      // The older client opens its stream when it likes: until then there is nobody to tell.
      await eventually(async () => {
        await notify.resourceUpdated(URI);
        return heard.every((each) => each.length > 0);
      }, 'all hear of the first change');
      for (const each of heard) each.length = 0;
      await notify.resourcesChanged();
      await notify.resourceUpdated('config://other');
      await mcp('b').notify.resourceUpdated(URI);
      for (const each of heard) {
        await eventually(() => each.at(-1) === URI && each.includes('list'), 'both changes');
        // A change of before may come once more, of those that say the same none must come twice in between.
        expect(each.filter((what) => what === 'list')).toEqual(['list']);
        expect(each).not.toContain('config://other');
      }
    });

    it('comes after the acknowledgement, tagged, and only if it was asked for', async () => {
      const { a, b, mcp } = await newCluster();
      const stream = await listen(b, { resourceSubscriptions: [URI] });
      await stream.until(() => stream.messages.length === 1, 'the acknowledgement');
      for (const publish of [
        () => mcp('a').notify.resourcesChanged(),
        () => mcp('a').notify.toolsChanged(),
        () => mcp('a').notify.resourceUpdated('config://other'),
        () => mcp('a').notify.resourceUpdated(URI),
      ])
        await publish();
      await stream.until(() => stream.messages.length === 2, 'the update');
      const _meta = { [SUBSCRIPTION]: 7 };
      expect(stream.messages).toEqual([
        {
          jsonrpc: '2.0',
          method: 'notifications/subscriptions/acknowledged',
          params: { _meta, notifications: { resourceSubscriptions: [URI] } },
        },
        { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { _meta, uri: URI } },
      ]);
      expect(a).not.toBe(b);
      stream.close();
    });

    // Catches: an instance whose stop cuts its listeners off, or that takes new ones while it stops.
    it('stream ends with a result when its instance stops, and goes on elsewhere', async () => {
      const { a, b, connect, mcp } = await newCluster();
      const client = await connect({ at: a, mode: MODERN_ONLY });
      const subscription = await client.client.listen({ resourcesListChanged: true });
      const stream = await listen(a, { resourcesListChanged: true });
      mcp('a').endStreams();
      expect(await subscription.closed).toBe('graceful');
      await stream.end();
      expect(stream.answers).toMatchObject([
        { id: 7, result: { resultType: 'complete', _meta: { [SUBSCRIPTION]: 7 } } },
      ]);
      const refused = await fetch(
        `${a}/mcp`,
        statelessPost('subscriptions/listen', { notifications: { resourcesListChanged: true } }),
      );
      expect(refused.status).toBe(503);
      const elsewhere = await listen(b, { resourcesListChanged: true });
      await elsewhere.until(() => elsewhere.messages.length === 1, 'the acknowledgement');
      await mcp('c').notify.resourcesChanged();
      await elsewhere.until(() => elsewhere.messages.length === 2, 'the change');
      elsewhere.close();
    });

    it('cannot be listened for while the store is away, which is said', async () => {
      const faults = new FaultyStore();
      const { a } = await newCluster({ wrap: (store) => faults.wrap(store) });
      faults.isBlind = true;
      const init = statelessPost('subscriptions/listen', { notifications: { toolsListChanged: true } });
      const response = await fetch(`${a}/mcp`, init);
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('1');
      faults.isBlind = false;
    });
  });
}

/** For stores that look at watched streams by themselves, where every signal is lost. */
export function lostChangesSuite(newCluster: NewErasCluster): void {
  // Catches: a bus that is nothing but signals.
  it('a change is heard of on the others, late, when every signal is lost', async () => {
    const faults = new FaultyStore();
    faults.isMute = true;
    const { b, mcp } = await newCluster({ wrap: (store) => faults.wrap(store) });
    const stream = await listen(b, { resourceSubscriptions: [URI] });
    await stream.until(() => stream.messages.length === 1, 'the acknowledgement');
    await mcp('a').notify.resourceUpdated(URI);
    await stream.until(() => stream.messages.length === 2, 'the update', 10_000);
    stream.close();
  });
}
