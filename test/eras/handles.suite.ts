import { describe, expect, it } from 'vitest';
import { FakeClock } from '../support/fake-clock.ts';
import { connectClient } from '../support/service.ts';
import { MODERN_ONLY } from '../support/v2-client.ts';
import { type Calls, type NewErasCluster, openSession, said } from './eras-cluster.ts';

const GONE =
  'This session has expired or does not exist. Its data is gone: call open_session for a new one, and pass its ' +
  'session_id from then on.';

/** Sessions that calls name, by clients of both eras. */
export function handlesSuite(newCluster: NewErasCluster): void {
  describe('a handle', () => {
    // Catches: a handle that one instance, one SDK or one era keeps to itself.
    it('opened in one era is the same session in the other, on every instance, until it is closed', async () => {
      const { a, b, c, connect } = await newCluster();
      const modern = await connect({ at: a, mode: MODERN_ONLY });
      const legacy = await connect({ at: b, mode: 'legacy' });
      const firstGeneration = await connectClient(`${c}/mcp`);
      expect([modern.revision, legacy.revision]).toEqual(['2026-07-28', '2025-11-25']);
      const session_id = await openSession(modern, { values: { given: [1] } });
      const clients: readonly [string, Calls][] = [
        ['a', modern],
        ['b', legacy],
        ['c', firstGeneration],
      ];
      for (const [index, [instance, client]] of clients.entries()) {
        const put = said(await client.call('put', { session_id, key: 'k', value: index }));
        expect(put).toEqual({ version: index + 1, instance });
        expect(said(await client.call('read', { session_id, key: 'given' }))).toMatchObject({ value: [1] });
      }
      await legacy.call('close_session', { session_id });
      for (const [, client] of clients) {
        expect(said(await client.call('read', { session_id, key: 'k' }))).toEqual({ error: GONE });
      }
      // The connection's own session is another one, and goes on.
      expect(said(await legacy.call('put', { key: 'own', value: 1 }))).toMatchObject({ version: 1 });
      await firstGeneration.close();
    });

    it('of a connection of the older era is one of 2026-07-28 too', async () => {
      const { a, b, connect } = await newCluster();
      const legacy = await connect({ at: a, mode: 'legacy' });
      await legacy.call('put', { key: 'own', value: 1 });
      const session_id = legacy.transport.sessionId as string;
      const modern = await connect({ at: b });
      expect(said(await modern.call('read', { session_id, key: 'own' }))).toMatchObject({ value: 1 });
    });

    // Catches: state that hangs on the connection although the call names its session.
    it('keeps the state of a client that gets a new session with every call', async () => {
      const { connect } = await newCluster();
      const session_id = await openSession(await connect({ mode: 'legacy' }));
      for (let version = 1; version <= 3; version += 1) {
        const client = await connect({ mode: 'legacy' });
        expect(said(await client.call('put', { session_id, key: 'k', value: version }))).toMatchObject({
          version,
        });
        await client.close();
      }
    });

    it('is missed in words that say where it comes from', async () => {
      const { connect } = await newCluster();
      const result = await (await connect()).call('put', { key: 'k', value: 1 });
      expect(result.isError).toBe(true);
      expect(JSON.stringify(result.content)).toContain('call open_session for a session');
    });

    // Catches: a session that lives as long as the service's, or that dies while it is used.
    it('lives for the time that it was opened with', async () => {
      const clock = new FakeClock(Date.now());
      const { connect } = await newCluster({ endpoint: { clock } });
      const client = await connect();
      const session_id = await openSession(client, { ttl_seconds: 2 });
      for (let second = 0; second < 5; second += 1) {
        await clock.advance(1_000);
        expect(said(await client.call('put', { session_id, key: 'k', value: 1 }))).toHaveProperty('version');
      }
      await clock.advance(2_500);
      expect(said(await client.call('read', { session_id, key: 'k' }))).toEqual({ error: GONE });
    });
  });

  describe('a principal', () => {
    const endpoint = {
      principal: (request: Request) => {
        const subject = request.headers.get('x-test-subject');
        return subject === null ? undefined : { issuer: 'https://issuer.example', subject };
      },
    };
    const as = (subject: string) => ({
      fetch: (url: string | URL, init?: RequestInit) => {
        const headers = new Headers(init?.headers);
        headers.set('x-test-subject', subject);
        return fetch(url, { ...init, headers });
      },
    });

    // Catches: a handle that is enough by itself where callers are known, and a difference that tells it is there.
    it('finds nobody else’s session, as if it had never been', async () => {
      const { connect } = await newCluster({ endpoint });
      const [alice, bob, nobody] = [
        await connect(as('alice')),
        await connect({ ...as('bob'), mode: 'legacy' }),
        await connect(),
      ];
      const session_id = await openSession(alice, { values: { k: 1 } });
      for (const stranger of [bob, nobody]) {
        for (const name of [session_id, 'never-was']) {
          expect(said(await stranger.call('read', { session_id: name, key: 'k' }))).toEqual({ error: GONE });
          expect(said(await stranger.call('close_session', { session_id: name }))).toEqual({ error: GONE });
        }
      }
      expect(said(await alice.call('read', { session_id, key: 'k' }))).toMatchObject({ value: 1 });
    });
  });
}
