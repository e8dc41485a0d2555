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

    // Catches: an answer that is lost because its session is gone, by the hand of the very call.
    it('of the connection itself can be closed by a call, which is answered', async () => {
      const { a, b, connect } = await newCluster();
      const legacy = await connect({ at: a, mode: 'legacy' });
      const closed = await legacy.call('close_session');
      expect(closed.structuredContent).toEqual({ closed: true });
      const session_id = legacy.transport.sessionId as string;
      const modern = await connect({ at: b });
      expect(said(await modern.call('read', { session_id, key: 'k' }))).toEqual({ error: GONE });
      const firstGeneration = await connectClient(`${b}/mcp`);
      expect((await firstGeneration.call('close_session')).structuredContent).toEqual({ closed: true });
      await firstGeneration.close();
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

    // Catches: a list that varies by connection or era, and a reference that anybody may use.
    it('finds the sessions that it opened, page by page, and uses them by their references', async () => {
      const { connect } = await newCluster({ endpoint });
      const alice = await connect(as('alice, who lists'));
      const bob = await connect(as('bob, who lists'));
      for (let count = 1; count <= 5; count += 1) await openSession(alice, { values: { n: count } });
      const legacy = await connect({ ...as('alice, who lists'), mode: 'legacy' });
      const page = async (client: Calls, cursor?: string) => {
        const { structuredContent } = await client.call('list_sessions', {
          limit: 2,
          ...(cursor && { cursor }),
        });
        return structuredContent as {
          readonly sessions: readonly { readonly session_ref: string; readonly value_count: number }[];
          readonly next_cursor?: string;
        };
      };
      const refs: string[] = [];
      let cursor: string | undefined;
      do {
        const { sessions, next_cursor } = await page(refs.length > 0 ? legacy : alice, cursor);
        refs.push(...sessions.map(({ session_ref }) => session_ref));
        cursor = next_cursor;
      } while (cursor !== undefined && refs.length < 10);
      // The connection's own is the sixth.
      expect(new Set(refs).size).toBe(6);
      const values = await Promise.all(
        refs.slice(0, 5).map((session_id) => alice.call('read', { session_id, key: 'n' })),
      );
      expect(values.map((each) => (said(each) as { value: number }).value)).toEqual([1, 2, 3, 4, 5]);
      expect((await page(bob)).sessions).toEqual([]);
      for (const forged of [`9999999999999999 ${'A'.repeat(43)}`, '1 x', '']) {
        const cursor = Buffer.from(forged).toString('base64url');
        const { isError, content } = await alice.call('list_sessions', { cursor });
        expect(isError).toBe(true);
        expect(JSON.stringify(content)).toContain('cursor: is not one that this list returned');
      }
      expect(said(await bob.call('read', { session_id: refs[0], key: 'n' }))).toEqual({ error: GONE });
      await alice.call('close_session', { session_id: refs[0] });
      expect((await page(alice)).sessions.map(({ session_ref }) => session_ref)).toEqual(refs.slice(1, 3));
    });

    it('that is not known by name has none listed, and without authentication there is no such tool', async () => {
      const { connect } = await newCluster({ endpoint });
      const nobody = await connect();
      expect(said(await nobody.call('list_sessions'))).toEqual({
        error: expect.stringMatching(/^principal: is not known/),
      });
      const { tools } = await (await (await newCluster()).connect()).client.listTools();
      expect(tools.map(({ name }) => name)).not.toContain('list_sessions');
    });

    // Catches: a key that is another one to the same session under its other name.
    it('runs once what it asks for once by id and once by reference', async () => {
      const { connect, deeds } = await newCluster({ endpoint });
      const alice = await connect(as('alice, who charges'));
      const session_id = await openSession(alice);
      const { structuredContent } = await alice.call('list_sessions');
      const [{ session_ref } = { session_ref: '' }] = (
        structuredContent as { readonly sessions: readonly { readonly session_ref: string }[] }
      ).sessions;
      const args = { amount: 1, idempotency_key: 'k' };
      const first = said(await alice.call('charge', { ...args, session_id }));
      expect(said(await alice.call('charge', { ...args, session_id: session_ref }))).toEqual(first);
      expect(deeds.charges).toHaveLength(1);
    });
  });
}
