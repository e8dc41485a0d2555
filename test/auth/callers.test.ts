import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jwtAuthentication } from '../../src/adapters/auth/jwt-authentication.ts';
import type { DurableMcpOptions } from '../../src/app/durable-mcp-options.ts';
import { newSessionId, sessionRef, showRef } from '../../src/domain/session.ts';
import type { StoreHarness } from '../contract/harness.ts';
import { bothErasServer } from '../eras/both-eras-server.ts';
import { Gates } from '../streams/fixture/gates.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { dynamodbHarness } from '../support/dynamodb.ts';
import { startDynaliteOrConfigured } from '../support/dynamodb-engines.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { AUDIENCE, type Issuer, startIssuer } from '../support/issuer.ts';
import { memoryHarness } from '../support/memory.ts';
import { postgresHarness } from '../support/postgres.ts';
import { streamOf } from '../support/raw-client.ts';
import { recordedStore } from '../support/recorded-store.ts';
import { MCP_HEADERS, post, toolCall } from '../support/service.ts';
import { statelessCall } from '../support/stateless-request.ts';

type Headers = Readonly<Record<string, string>>;

describe.each([
  ['memory', memoryHarness],
  ['postgres', postgresHarness()],
  ['dynamodb', () => dynamodbHarness(startDynaliteOrConfigured)],
] as const)('callers who are known by their tokens, on %s', (_name, makeHarness) => {
  let harness: StoreHarness;
  let issuer: Issuer;
  const clusters: Cluster[] = [];
  const operations: string[] = [];

  beforeAll(async () => {
    [harness, issuer] = await Promise.all([makeHarness(), startIssuer()]);
  });
  afterEach(async () => {
    for (const cluster of clusters.splice(0)) await cluster.close();
  });
  afterAll(async () => {
    await issuer?.stop();
    await harness?.close();
  });

  async function newCluster(endpoint: Partial<DurableMcpOptions>, count = 1): Promise<Cluster> {
    const state = { gates: new Gates(), deeds: { charges: [], orders: [] } };
    const cluster = await startCluster({
      harness,
      count,
      server: (instance, session) => bothErasServer(instance, session, state),
      endpoint,
      wrap: (store) => recordedStore(store, operations),
    });
    clusters.push(cluster);
    return cluster;
  }

  const authentication = ({ url }: Issuer = issuer) => jwtAuthentication({ issuer: url, audience: AUDIENCE });
  const as = async (subject: string, by: Issuer = issuer): Promise<Headers> => ({
    Authorization: `Bearer ${await by.token(subject)}`,
  });

  /** A client of `subject` whose call of a tool waits for an answer. */
  async function asking(cluster: Cluster, subject: string) {
    const client = await cluster.open({ headers: await as(subject) });
    const call = streamOf(await client.call('order', { item: 'tea' }, { id: 'the order' }));
    return { client, call, asked: await call.request('elicitation/create') };
  }

  const YES = { action: 'accept', content: { agreed: true } };

  it('keep their session, its streams and what they are asked when their token is refreshed', async () => {
    const cluster = await newCluster({ authentication: authentication() }, 3);
    const { client, call, asked } = await asking(cluster, 'alice');
    const [, later, last] = [await as('alice'), await as('alice'), await as('alice')] as const;
    expect(later['Authorization']).not.toBe(last['Authorization']);
    call.close();
    const resumed = await client.sending(later).listen({ lastEventId: call.firstEventId });
    await client.sending(last).tell({ id: String(asked.id), result: YES });
    const { result } = await resumed.answer('the order');
    expect(JSON.parse(result.content[0].text)).toMatchObject({ item: 'tea', agreed: true });
    expect(await client.sending(last).ping()).toBe(200);

    const listed = await fetch(
      `${cluster.proxy.origin}/mcp`,
      withHeaders(statelessCall('list_sessions'), last),
    );
    expect(JSON.stringify(await listed.json())).toContain(showRef(sessionRef(client.sessionId)));
    await client.sending(later).terminate();
  });

  // Catches: any of them that is answered in another way than where there was never anything, with a word more, or
  // sooner, since something was found.
  it('meet what is another’s as if it had never been', async () => {
    const cluster = await newCluster({ authentication: authentication(), clock: new FakeClock(Date.now()) });
    const [url] = cluster.origins.map((origin) => `${origin}/mcp`) as [string];
    const { client, call, asked } = await asking(cluster, 'alice');
    const { result } = await client.result('open_session', { values: { k: 'secret of alice' } });
    const handle: string = result.structuredContent.session_id;
    const bob = await as('bob');
    const bobs = await cluster.open({ headers: bob });

    const withSession = (id: string, init: RequestInit): RequestInit =>
      withHeaders(init, { ...bob, 'Mcp-Session-Id': id, 'MCP-Protocol-Version': '2025-11-25' });
    const message = (fields: object) => post({ jsonrpc: '2.0', ...fields });
    const inSession: Readonly<Record<string, RequestInit>> = {
      'a call': post(toolCall('read', { key: 'k' })),
      'another request': message({ id: 1, method: 'ping' }),
      'a batch': post([toolCall('read', { key: 'k' })]),
      'a change of the session': message({ id: 1, method: 'resources/subscribe', params: { uri: 'x:1' } }),
      GET: { headers: { Accept: MCP_HEADERS.Accept } },
      'GET with Last-Event-ID': {
        headers: { Accept: MCP_HEADERS.Accept, 'Last-Event-ID': call.firstEventId },
      },
      DELETE: { method: 'DELETE' },
      'an answer to a request of the server': message({ id: asked.id, result: YES }),
      'progress of it': message({
        method: 'notifications/progress',
        params: { progressToken: asked.id, progress: 1 },
      }),
      'a cancellation': message({ method: 'notifications/cancelled', params: { requestId: 'the order' } }),
      'another notification': message({ method: 'notifications/initialized' }),
    };
    const named = (id: string): readonly (readonly [string, RequestInit])[] => {
      const calls = [
        ['read', { session_id: id, key: 'k' }],
        ['put', { session_id: id, key: 'k', value: 1 }],
        ['charge', { session_id: id, amount: 1, idempotency_key: 'k' }],
        ['close_session', { session_id: id }],
      ] as const;
      return calls.flatMap(([tool, args]) => [
        [`${tool} of 2025-11-25`, withSession(bobs.sessionId, post(toolCall(tool, args)))],
        [`${tool} of 2026-07-28`, withHeaders(statelessCall(tool, args), bob)],
      ]);
    };
    const reference = showRef(sessionRef(handle));
    const requests: readonly (readonly [string, RequestInit, RequestInit])[] = [
      ...Object.entries(inSession).map(
        ([what, init]) =>
          [what, withSession(client.sessionId, init), withSession(newSessionId(), init)] as const,
      ),
      ...pairs(named(handle), named(newSessionId())),
      ...pairs(named(reference), named(showRef(sessionRef(newSessionId())))),
    ];
    for (const [what, toAlices, toNobodys] of requests) {
      // At hand, so that nothing would have to be looked up.
      expect(await client.ping()).toBe(200);
      await client.result('read', { session_id: handle, key: 'k' });
      const [alices, nobodys] = [await exchange(url, toAlices), await exchange(url, toNobodys)];
      expect(alices, what).toEqual(nobodys);
      expect(alices.text, what).toMatch(/expired or does not exist/);
      expect(alices.text, what).not.toContain('secret of alice');
    }

    await client.tell({ id: String(asked.id), result: YES });
    expect(JSON.parse((await call.answer('the order')).result.content[0].text)).toMatchObject({
      agreed: true,
    });
    const { result: kept } = await client.result('read', { session_id: handle, key: 'k' });
    expect(kept.content[0].text).toContain('secret of alice');
  });

  /** What comes back, and what the store was asked for it. */
  async function exchange(url: string, init: RequestInit) {
    operations.length = 0;
    const response = await fetch(url, init);
    const headers = [...response.headers].filter(([name]) => name !== 'date');
    const text = await response.text();
    // What is done after the answer counts too.
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return { status: response.status, headers, text, operations: [...operations] };
  }

  // Catches: a subject that is taken for the same person whoever issued its token, and an instance without
  // authentication that opens what belongs to somebody.
  it('are others to another issuer, and nobody without authentication', async () => {
    const other = await startIssuer();
    const [here, there, open] = await Promise.all([
      newCluster({ authentication: authentication() }),
      newCluster({ authentication: authentication(other) }),
      newCluster({}),
    ]);
    const client = await here.open({ headers: await as('alice') });
    expect(await client.ping()).toBe(200);
    const namesake = client.at(there.proxy.origin).sending(await as('alice', other));
    expect(await namesake.ping()).toBe(404);
    expect(await client.at(there.proxy.origin).ping()).toBe(401);
    expect(await client.at(open.proxy.origin).sending({}).ping()).toBe(404);
    expect(await client.ping()).toBe(200);

    const anonymous = await open.open();
    expect(
      await anonymous
        .at(here.proxy.origin)
        .sending(await as('alice'))
        .ping(),
    ).toBe(404);
    await other.stop();
  });

  // Catches: a reference that opens a session to whoever read it in a stolen dump, where nobody is asked for a name.
  it('alone name sessions by their references', async () => {
    const open = await newCluster({});
    const client = await open.open();
    const { result } = await client.result('open_session', { values: { k: 'a value of nobody' } });
    const reference = showRef(sessionRef(result.structuredContent.session_id));
    const url = `${open.proxy.origin}/mcp`;
    for (const session_id of [reference, reference.slice('ref:'.length)]) {
      const args = { session_id, key: 'k' };
      const answers = [
        JSON.stringify(await client.result('read', args)),
        await (await fetch(url, statelessCall('read', args))).text(),
      ];
      for (const each of answers) expect(each).toMatch(/expired or does not exist/);
    }
  });

  // Catches: a token, or a part of one that makes it up, in a store that may be stolen.
  it('leave nothing of their tokens in the store', async () => {
    const cluster = await newCluster({ authentication: authentication() });
    const marker = randomBytes(8).toString('hex');
    const token = await issuer.mint({ marker });
    const client = await cluster.open({ headers: { Authorization: `Bearer ${token}` } });
    await client.call('put', { key: 'k', value: 1 });
    const call = streamOf(await client.call('order', { item: 'tea' }));
    await call.request('elicitation/create');
    const dump = await harness.dump();
    expect(dump).toContain(issuer.url);
    for (const part of [...token.split('.'), marker]) expect(dump).not.toContain(part);
    call.close();
  });
});

function withHeaders(init: RequestInit, headers: Headers): RequestInit {
  return { ...init, headers: { ...(init.headers as Headers), ...headers } };
}

function pairs(
  some: readonly (readonly [string, RequestInit])[],
  others: readonly (readonly [string, RequestInit])[],
): readonly (readonly [string, RequestInit, RequestInit])[] {
  return some.map(([what, init], index) => [what, init, others[index]?.[1] as RequestInit] as const);
}
