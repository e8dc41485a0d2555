import { describe, expect, it } from 'vitest';
import { within } from '../../src/domain/within.ts';
import { statelessCall } from '../support/stateless-request.ts';
import { MODERN_ONLY } from '../support/v2-client.ts';
import { type NewErasCluster, openSession, said } from './eras-cluster.ts';

/** Calls that a client makes again because it did not get the answer. */
export function idempotencySuite(newCluster: NewErasCluster): void {
  describe('a call under an idempotency key', () => {
    // Catches: a repeat that runs because the first has not ended, or because it comes in elsewhere.
    it('runs once, and its repeats get the outcome on any instance, also while it runs', async () => {
      const { a, b, c, connect, deeds, gates } = await newCluster();
      const [one, two, three] = await Promise.all([a, b, c].map((at) => connect({ at, mode: MODERN_ONLY })));
      if (one === undefined || two === undefined || three === undefined) throw new Error('no clients');
      const session_id = await openSession(one);
      const args = { session_id, amount: 5, idempotency_key: 'k', gate: 'bank' };
      const first = one.call('charge', args);
      await gates.reached('bank');
      const during = [two.call('charge', { ...args, gate: undefined }), three.call('charge', args)];
      gates.open('bank');
      const outcome = { amount: 5, by: 'a' };
      for (const result of await Promise.all([first, ...during])) expect(said(result)).toEqual(outcome);
      expect(said(await two.call('charge', args))).toEqual(outcome);
      expect(deeds.charges).toEqual(['a']);
      expect(said(await three.call('charge', { ...args, amount: 6 }))).toEqual({
        error: expect.stringMatching(/^idempotency_key: was used before with other arguments/),
      });
    });

    // Catches: a run that is aborted with the connection, whose repeat could only be told that nobody knows.
    it('goes on when its client hangs up, in both eras', async () => {
      const { a, b, c, connect, deeds, gates } = await newCluster();
      const client = await connect({ at: b });
      const session_id = await openSession(client);
      const args = { session_id, amount: 1, idempotency_key: 'k', gate: 'bank' };
      await callAndHangUp(a, args, () => gates.reached('bank'));
      const legacy = await connect({ at: c, mode: 'legacy' });
      const repeated = [client.call('charge', args), legacy.call('charge', args)];
      gates.open('bank');
      for (const result of await Promise.all(repeated)) expect(said(result)).toEqual({ amount: 1, by: 'a' });
      expect(deeds.charges).toEqual(['a']);
    });

    // Catches: a graceful stop that cuts what it was not told of, because its client had hung up.
    it('ends before its instance stops gracefully, also when its client has hung up', async () => {
      const { a, b, mcp, connect, deeds, gates } = await newCluster();
      const client = await connect({ at: b });
      const session_id = await openSession(client);
      const args = { session_id, amount: 1, idempotency_key: 'k', gate: 'bank' };
      await callAndHangUp(a, args, () => gates.reached('bank'));
      const closed = mcp('a').close({ finishMs: 7_000 });
      expect(await within(closed, 300)).toBe(false);
      gates.open('bank');
      await closed;
      expect(said(await client.call('charge', args))).toEqual({ amount: 1, by: 'a' });
      expect(deeds.charges).toEqual(['a']);
    });

    it('is another one in another session', async () => {
      const { connect, deeds } = await newCluster();
      const client = await connect();
      for (let count = 0; count < 2; count += 1) {
        const session_id = await openSession(client);
        await client.call('charge', { session_id, amount: 1, idempotency_key: 'k' });
      }
      expect(deeds.charges).toHaveLength(2);
    });
  });
}

/** Calls `charge` and breaks the connection once the call has come so far. */
async function callAndHangUp(
  origin: string,
  args: Record<string, unknown>,
  hasBegun: () => Promise<unknown>,
): Promise<void> {
  const hangUp = new AbortController();
  const broken = fetch(`${origin}/mcp`, { ...statelessCall('charge', args), signal: hangUp.signal });
  await hasBegun();
  hangUp.abort();
  await broken.catch(() => {});
}
