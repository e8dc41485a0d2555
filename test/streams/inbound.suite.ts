import { describe, expect, it } from 'vitest';
import { StoreUnavailable } from '../../src/domain/errors.ts';
import { type Session, sessionRef } from '../../src/domain/session.ts';
import { INBOUND_STREAM } from '../../src/domain/stream-name.ts';
import { decodeRecord } from '../../src/domain/stream-record.ts';
import { eventually } from '../contract/fixtures.ts';
import type { StoreHarness } from '../contract/harness.ts';
import { type RawClient, streamOf } from '../support/raw-client.ts';
import { outcomeOf } from './fixture/official-client.ts';
import type { NewCluster } from './streams.suite.ts';

const YES = { action: 'accept', content: { answer: 'yes' } };
/** All that fits into one message. */
const JUNK = 'x'.repeat(4 * 1024 * 1024 - 1_024);
/** An id of a request that nobody made: no instance has this name. */
const NOBODYS = `${'0'.repeat(16)}.1`;

/** What is kept of the messages that clients post for other instances than the one that takes them. */
export function inboundSuite(newCluster: NewCluster): void {
  describe('what is posted for another instance', () => {
    // Catches: junk that is kept as long as its session, since it has the form of what somebody may wait for.
    it('is not kept where nobody can wait for it', async () => {
      const { harness, ...cluster } = await newCluster();
      const client = await cluster.open();
      for (const id of [NOBODYS, 'junk', 7]) await client.tell({ id, result: { junk: JUNK } });
      await client.tell({ id: NOBODYS, error: { code: 1, message: JUNK } });
      await client.tell(progress({ progressToken: NOBODYS, progress: 1, message: JUNK }));
      for (const requestId of [JUNK, 1.5, undefined])
        await client.tell({ method: 'notifications/cancelled', params: { requestId } });
      expect(await kept(harness, client)).toEqual([]);
    });

    // Catches: a reason, a text or a field that the protocol does not know, of any length, in the store.
    it('is kept without what its instance does not need', async () => {
      const { a, b, harness, ...cluster } = await newCluster();
      const client = await cluster.open();
      const stream = streamOf(await client.call('run', { steps: [{ ask: '?' }] }, { at: a, id: 1 }));
      const { id } = await stream.request('elicitation/create');
      const far = { progressToken: id, progress: 1, total: 3 };
      await client.tell(progress({ ...far, message: 'a third', more: JUNK }), b);
      await client.tell(progress({ ...far, progress: 2, message: JUNK }), b);
      await client.tell(progress({ ...far, progress: 'all' }), b);
      const params = { requestId: 'no call', reason: JUNK, _meta: { more: 1 } };
      await client.tell({ method: 'notifications/cancelled', params }, b);
      await client.tell({ id: String(id), result: YES }, b);
      const { answers } = outcomeOf(await stream.answer(1));
      expect(answers).toEqual([{ ...YES, heard: [1, 2] }]);
      expect(await kept(harness, client)).toEqual([
        { jsonrpc: '2.0', ...progress({ ...far, message: 'a third' }) },
        { jsonrpc: '2.0', ...progress({ ...far, progress: 2 }) },
        { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'no call' } },
        { jsonrpc: '2.0', id, result: YES },
      ]);
    });

    // Catches: an answer that is dropped, and told to have been taken, since the store does not say soon enough, or at
    // all, who waits for it.
    it('is given to its instance however slowly the store knows that one, and refused where it does not', async () => {
      let look = async (): Promise<void> => {};
      const { a, b, ...cluster } = await newCluster({
        wrap: (store, instance) => {
          if (instance !== 'b') return store;
          const { instances } = store;
          const beats = async (name: string): Promise<number | undefined> => {
            await look();
            return instances.beats(name);
          };
          const beat: typeof instances.beat = (name, now) => instances.beat(name, now);
          return { ...store, instances: { beat, beats, forget: (name) => instances.forget(name) } };
        },
      });
      const client = await cluster.open();
      const stream = streamOf(await client.call('run', { steps: [{ ask: '?' }] }, { at: a, id: 1 }));
      const id = String((await stream.request('elicitation/create')).id);
      look = () => Promise.reject(new StoreUnavailable());
      const refused = await client.post({ jsonrpc: '2.0', id, result: YES }, b);
      expect(refused).toMatchObject({ status: 503, retryAfter: '1' });

      let find = (): void => {};
      const found = new Promise<void>((resolve) => {
        find = resolve;
      });
      let looks = 0;
      look = () => {
        looks += 1;
        return found;
      };
      let isTaken = false;
      const told = client.tell({ id, result: YES }, b).then(() => {
        isTaken = true;
      });
      await eventually(() => looks > 0, 'a look at who asked');
      const since = performance.now();
      await eventually(() => isTaken || performance.now() > since + 300, 'a while');
      expect(isTaken).toBe(false);
      find();
      await told;
      expect(outcomeOf(await stream.answer(1)).answers).toEqual([YES]);
    });
  });
}

function progress(params: object) {
  return { method: 'notifications/progress', params };
}

/** The messages that the log holds for other instances, past them. */
async function kept(harness: StoreHarness, { sessionId }: RawClient): Promise<unknown[]> {
  const { sessions, events } = await harness.open();
  const now = Date.now();
  const session = (await sessions.find(sessionRef(sessionId), now)) as Session;
  const page = await events.read(session, { stream: INBOUND_STREAM, after: 0, limit: 100 }, now);
  return page.events.map(({ data }) => {
    const record = decodeRecord(data, sessionId);
    return record.kind === 'message' ? JSON.parse(record.message) : record;
  });
}
