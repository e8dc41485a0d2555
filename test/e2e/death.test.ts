import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { times } from '../contract/fixtures.ts';
import { RawSession } from '../support/raw-session.ts';
import type { SseConnection } from '../support/sse-connection.ts';
import { type Server, type Servers, STORES, serversOn } from './servers.ts';

/** From the resumption to the error: 12 s until the instance is taken for dead, and room. */
const DECLARED_DEAD_MS = 20_000;

const DEAD = {
  jsonrpc: '2.0',
  id: 'victim',
  error: { code: -32_000, message: 'the instance running this call stopped; call again' },
};

const numbers = (count: number): number[] => times(count, (index) => index + 1);

/** What became of a call whose instance is gone, as a client finds it on another one. */
describe.concurrent.each(STORES)(
  '%s',
  (store) => {
    let servers: Servers;
    /** Runs the call. */
    let doomed: Server;
    /** Runs the other one. */
    let paused: Server;
    let witness: Server;

    beforeAll(async () => {
      servers = await serversOn(store);
      [witness, doomed, paused] = await Promise.all([servers.start(), servers.start(), servers.start()]);
    });
    afterAll(() => servers?.close());

    const replay = async (session: RawSession, { url }: Server, from: SseConnection) => {
      const again = await session.listen(url, from.firstEventId);
      await again.over(DECLARED_DEAD_MS);
      return { logged: again.said, outcomes: again.answers, end: again.outcome };
    };

    // Catches: a client that waits for ever, and messages lost or doubled with their instance.
    it('a call whose instance is killed ends with an error, after all that it said', async () => {
      const session = await RawSession.open(doomed.url);
      await session.call(doomed.url, 'store_value', { key: 'k', value: [1] });
      const call = await session.stream(doomed.url, 'victim', 'count', { to: 100_000, delay_ms: 20 });
      const other = await session.stream(witness.url, 'other', 'count', { to: 80, delay_ms: 150 });
      await call.untilSaid(10);
      await doomed.process.kill('SIGKILL');
      await call.over(5_000);
      expect(call.outcome).toBe('broken');

      const resumedAt = Date.now();
      const resumed = await session.listen(witness.url, call.lastEventId);
      expect((await session.call(witness.url, 'get_value', { key: 'k' })).result).toMatchObject({
        structuredContent: { value: [1] },
      });
      await resumed.over(DECLARED_DEAD_MS);
      expect(Date.now() - resumedAt).toBeLessThan(DECLARED_DEAD_MS);
      const logged = [...call.said, ...resumed.said];
      expect(logged).toEqual(numbers(logged.length));
      expect(resumed.messages.at(-1)).toEqual(DEAD);
      expect([...call.answers, ...resumed.answers]).toEqual([DEAD]);
      expect(resumed.outcome).toBe('ended');

      const whole = { logged, outcomes: [DEAD], end: 'ended' };
      expect(await replay(session, witness, call)).toEqual(whole);
      expect(await replay(session, witness, call)).toEqual(whole);

      await other.over(20_000);
      expect(other.said).toEqual(numbers(80));
      expect(other.answers).toMatchObject([{ id: 'other', result: { structuredContent: { counted: 80 } } }]);
    });

    // Catches: two outcomes of one call, where a machine slept and was given up.
    it('an instance that only seemed dead cannot add to what was said in its place', async () => {
      const session = await RawSession.open(paused.url);
      const call = await session.stream(paused.url, 'victim', 'count', { to: 100, delay_ms: 50 });
      await call.untilSaid(5);
      paused.process.child.kill('SIGSTOP');
      try {
        const resumed = await session.listen(witness.url, call.lastEventId);
        await resumed.over(DECLARED_DEAD_MS);
        expect(resumed.answers).toEqual([DEAD]);
        const whole = await replay(session, witness, call);
        expect(whole).toEqual({ logged: numbers(whole.logged.length), outcomes: [DEAD], end: 'ended' });

        paused.process.child.kill('SIGCONT');
        expect(await replay(session, paused, call)).toEqual(whole);
        // What it had sent before it stood still may reach the client only now, but nothing else.
        await call.over(10_000);
        expect(call.answers.filter((outcome) => JSON.stringify(outcome) !== JSON.stringify(DEAD))).toEqual(
          [],
        );
        expect(call.said).toEqual(numbers(call.said.length));
        expect(call.said.length).toBeLessThanOrEqual(whole.logged.length);
        // The instance serves as before, and ends when it has tried all that it would.
        expect(await session.ping(paused.url)).toBe(200);
        expect(await paused.process.kill('SIGTERM')).toBe(0);
        expect(await replay(session, witness, call)).toEqual(whole);
      } finally {
        paused.process.child.kill('SIGKILL');
      }
    });
  },
  60_000,
);
