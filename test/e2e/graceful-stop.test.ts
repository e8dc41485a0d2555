import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, times } from '../contract/fixtures.ts';
import { startRandomProxy } from '../support/random-proxy.ts';
import { RawSession } from '../support/raw-session.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { connectClient } from '../support/service.ts';
import { type Server, type Servers, STORES, serversOn } from './servers.ts';

/** Calls have 7 s to finish, and what does not is ended right after. */
const STOPPED_MS = 15_000;

const numbers = (count: number): number[] => times(count, (index) => index + 1);

/** A rolling update, as clients live through it. */
describe.concurrent.each(STORES)(
  '%s',
  (store) => {
    let servers: Servers;
    let staying: Server;

    beforeAll(async () => {
      servers = await serversOn(store);
      staying = await servers.start();
    });
    afterAll(() => servers?.close());

    const readiness = async ({ origin }: Server): Promise<number> => (await fetch(`${origin}/readyz`)).status;

    // Catches: a message that falls between the connection that ends and the one that follows it.
    it('the official client gets everything through the stop of the instance that runs its call', async () => {
      // Long enough for what is sent meanwhile, and shorter than the call that is to outlast it.
      const leaving = await servers.start({ DRAIN_DELAY_SECONDS: '2' });
      const proxy = await startRandomProxy({ upstreams: [leaving.origin], random: seededRandom(7) });
      const { client, call, close } = await connectClient(`${proxy.origin}/mcp`);
      const heard: unknown[] = [];
      client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
        heard.push(params.data);
      });
      const announced = () => heard.filter((data) => typeof data === 'string');
      await call('announce', { text: 'before' });
      await eventually(() => announced().length === 1, 'the stream of the session is open');
      const counted = call('count', { to: 32, delay_ms: 100 });
      await eventually(() => heard.includes(5), 'the call runs');

      leaving.process.child.kill('SIGTERM');
      await eventually(
        async () => (await readiness(leaving)) === 503,
        'the instance says that it is leaving',
      );
      expect(await readiness(staying)).toBe(200);
      // Balancers are slow to notice: what they send here meanwhile is served.
      await call('announce', { text: 'draining' });
      proxy.add(staying.origin);
      proxy.remove(leaving.origin);
      const exited = leaving.process.exit();
      await call('announce', { text: 'elsewhere' });

      expect((await counted).structuredContent).toEqual({ counted: 32 });
      expect(await exited).toBe(0);
      await call('announce', { text: 'after' });
      await eventually(() => announced().includes('after'), 'the last announcement');
      expect(announced()).toEqual(['before', 'draining', 'elsewhere', 'after']);
      expect(heard.filter((data) => typeof data === 'number')).toEqual(numbers(32));
      await close();
      await proxy.close();
    });

    // Catches: a stop that waits for ever, and a call that is cut off without a word.
    it('a call that takes too long ends with an error, which is had elsewhere', async () => {
      const leaving = await servers.start({ DRAIN_DELAY_SECONDS: '2' });
      const session = await RawSession.open(leaving.url);
      const [listening, slow, hanging] = [
        await session.listen(leaving.url),
        await session.stream(leaving.url, 'slow', 'count', { to: 100_000, delay_ms: 50 }),
        await session.stream(leaving.url, 'hanging', 'hang'),
      ];
      await slow.untilSaid(3);

      leaving.process.child.kill('SIGTERM');
      await eventually(
        async () => (await readiness(leaving)) === 503,
        'the instance says that it is leaving',
      );
      expect([listening.outcome, slow.outcome]).toEqual([undefined, undefined]);
      expect(await session.ping(leaving.url)).toBe(200);
      for (const stream of [listening, slow, hanging]) {
        await stream.over(5_000);
        expect(stream.outcome).toBe('ended');
        expect(stream.events.at(-1)).toEqual({ retry: expect.any(Number) });
      }
      const resumed = await session.listen(staying.url, slow.lastEventId);
      const unsaid = await session.listen(staying.url, hanging.lastEventId);
      await Promise.all([resumed.over(STOPPED_MS), unsaid.over(STOPPED_MS)]);
      const message = expect.stringMatching(/server is stopping.*call again/);
      expect(resumed.answers).toMatchObject([{ id: 'slow', error: { message } }]);
      expect(unsaid.messages).toMatchObject([{ id: 'hanging', error: { message } }]);
      const logged = [...slow.said, ...resumed.said];
      expect(logged).toEqual(numbers(logged.length));
      // It went on as long as it could.
      expect(resumed.said.length).toBeGreaterThan(0);
      expect(await leaving.process.exit()).toBe(0);
      expect(leaving.process.stdout).toMatch(/^aborted .*stopping/m);
    });
  },
  60_000,
);
