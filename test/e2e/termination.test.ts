import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../contract/fixtures.ts';
import { RawSession } from '../support/raw-session.ts';
import { type Server, type Servers, STORES, serversOn } from './servers.ts';

/** Within which everything of a session that was ended elsewhere is over. */
const OVER_MS = 5_000;
/** Within which an instance knows that the session is gone. */
const KNOWN_MS = 2_000;

const IDLE_S = 2;

/** The end of sessions, as other instances than the one that was told of it meet it. */
describe.concurrent.each(STORES)(
  '%s',
  (store) => {
    let servers: Servers;
    let one: Server;
    let other: Server;
    /** With sessions that do not live long. */
    let hasty: Server;

    beforeAll(async () => {
      servers = await serversOn(store);
      [one, other, hasty] = await Promise.all([
        servers.start(),
        servers.start(),
        servers.start({ SESSION_TTL_SECONDS: String(IDLE_S) }),
      ]);
    });
    afterAll(() => servers?.close());

    // Catches: calls and streams that go on for nobody, where the other instance hears nothing of the end.
    it('a session ended on one instance is over on another', async () => {
      const session = await RawSession.open(one.url);
      const [listening, counting, hanging] = [
        await session.listen(other.url),
        // Says something once, and then nothing for ten minutes: it does not find out by itself.
        await session.stream(other.url, 'counting', 'count', { to: 2, delay_ms: 600_000 }),
        await session.stream(other.url, 'hanging', 'hang'),
      ];
      await counting.untilSaid(1);
      // An idle stream is looked at less and less often.
      const idleSince = Date.now();
      await eventually(() => Date.now() - idleSince > 3_000, 'a while of silence');
      expect([listening, counting, hanging].map(({ outcome }) => outcome)).toEqual([
        undefined,
        undefined,
        undefined,
      ]);

      const endedAt = Date.now();
      const within = (ms: number): number => Math.max(0, endedAt + ms - Date.now());
      expect(await session.terminate(one.url)).toBe(200);
      for (const { url } of [one, other]) {
        const { result, error } = await session.call(url, 'get_value', { key: 'k' });
        expect(result === undefined ? error?.code : result.isError).toBe(
          result === undefined ? -32_001 : true,
        );
      }
      expect(await session.ping(one.url)).toBe(404);
      await eventually(async () => (await session.ping(other.url)) === 404, '404', within(KNOWN_MS));
      await expect(session.listen(other.url)).rejects.toThrow('404');
      expect(await session.terminate(other.url)).toBe(404);

      for (const stream of [listening, counting, hanging]) await stream.over(within(OVER_MS));
      const aborted = () => /^aborted .*: .*session was ended/m.test(other.process.stdout);
      await eventually(aborted, 'the call’s signal', within(OVER_MS));
      expect([listening, counting, hanging].map(({ outcome }) => outcome)).toEqual([
        'ended',
        'ended',
        'ended',
      ]);
      expect(listening.answers).toEqual([]);
      for (const [id, { answers }] of Object.entries({ counting, hanging })) {
        expect(answers).toMatchObject([
          { id, error: { message: expect.stringContaining('session was ended') } },
        ]);
      }
      // Nothing of it is in the way of other sessions.
      const next = await RawSession.open(other.url);
      expect(await next.ping(one.url)).toBe(200);
    });

    it('a session lives as long as its client listens', async () => {
      const [held, calling, abandoned] = [
        await RawSession.open(hasty.url),
        await RawSession.open(hasty.url),
        await RawSession.open(hasty.url),
      ];
      const listening = await held.listen(hasty.url);
      const hanging = await calling.stream(hasty.url, 'hanging', 'hang');
      const begin = Date.now();
      await eventually(() => Date.now() - begin > 3 * IDLE_S * 1_000, 'three idle times', 10_000);
      expect(await abandoned.ping(hasty.url)).toBe(404);
      expect([listening.outcome, hanging.outcome]).toEqual([undefined, undefined]);
      expect(await calling.ping(one.url)).toBe(200);
      // Another instance takes it from the store.
      expect(await held.ping(one.url)).toBe(200);
      await held.call(hasty.url, 'announce', { text: 'still here' });
      await listening.untilSaid(1);
      expect(listening.said).toEqual(['still here']);
      listening.close();
      hanging.close();
    });
  },
  60_000,
);
