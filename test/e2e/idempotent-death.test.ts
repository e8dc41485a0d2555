import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../contract/fixtures.ts';
import { connectModern, MODERN_ONLY, type ModernClient } from '../support/v2-client.ts';
import { type Server, type Servers, STORES, serversOn } from './servers.ts';

/** From the kill to the answer of a repeat: 12 s until the instance is taken for dead, and room. */
const DECLARED_DEAD_MS = 25_000;

/** What a client of 2026-07-28 finds when it makes a call again whose instance was killed. */
describe.concurrent.each(STORES)(
  '%s',
  (store) => {
    let servers: Servers;
    let doomed: Server;
    let others: Server[];
    const clients: ModernClient[] = [];

    beforeAll(async () => {
      servers = await serversOn(store);
      const [first, ...rest] = await Promise.all([
        servers.start({ WORK: 'hang' }),
        servers.start(),
        servers.start(),
      ]);
      doomed = first;
      others = rest;
    });
    afterAll(async () => {
      await Promise.all(clients.map((client) => client.close()));
      await servers?.close();
    });

    const connect = async ({ url }: Server): Promise<ModernClient> => {
      const client = await connectModern(url, { mode: MODERN_ONLY });
      clients.push(client);
      return client;
    };
    const work = async (client: ModernClient, args: Record<string, unknown>) => {
      const options = { timeout: DECLARED_DEAD_MS };
      const result = await client.client.callTool({ name: 'work_once', arguments: args }, options);
      return { isError: result.isError === true, text: JSON.stringify(result.content) };
    };

    // Catches: a repeat that waits for ever, that runs what may have been done, or a made up outcome.
    it('the outcome is unknown, or the call is run again by one where that is safe', async () => {
      const [witness, another] = await Promise.all(others.map(connect));
      const victim = await connect(doomed);
      if (witness === undefined || another === undefined) throw new Error('no clients');
      const opened = await victim.call('open_session');
      const { session_id } = opened.structuredContent as { readonly session_id: string };
      const unsafe = { session_id, idempotency_key: 'unsafe', repeatable: false };
      const safe = { session_id, idempotency_key: 'safe', repeatable: true };
      const lost = [work(victim, unsafe), work(victim, safe)].map((each) => each.catch(() => 'broken'));
      await eventually(
        () => ['unsafe', 'safe'].every((key) => doomed.process.stdout.includes(`working on ${key}\n`)),
        'both calls run',
      );
      // Two repeat while the first still runs, for all that they know.
      const repeated = [
        work(witness, unsafe),
        work(another, unsafe),
        work(witness, safe),
        work(another, safe),
      ];
      await doomed.process.kill('SIGKILL');
      expect(await Promise.all(lost)).toEqual(['broken', 'broken']);
      const [unknown, unknownToo, done, doneToo] = await Promise.all(repeated);
      expect(unknown).toMatchObject({ isError: true, text: expect.stringContaining('unknown whether') });
      expect(unknownToo).toEqual(unknown);
      expect(done).toMatchObject({ isError: false, text: expect.stringContaining('done by') });
      expect(doneToo).toEqual(done);
      const runs = others.flatMap(({ process }) => process.stdout.match(/working on \w+/g) ?? []);
      expect(runs).toEqual(['working on safe']);
      // It stays so.
      expect(await work(another, unsafe)).toEqual(unknown);
    });
  },
  60_000,
);
