import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpServer } from '../../src/app/http-server.ts';
import { newSessionId, sessionRef } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { TEST_ONLY_KEY } from '../conformance/fixture/request-state.ts';
import { HOUR, NOW, newSession } from '../contract/fixtures.ts';
import type { HarnessFactory, StoreHarness } from '../contract/harness.ts';
import { bothErasServer, type Deeds } from '../eras/both-eras-server.ts';
import { Gates } from '../streams/fixture/gates.ts';
import { scriptServer } from '../streams/fixture/script-server.ts';
import { library } from '../support/library.ts';
import { RawClient, streamOf } from '../support/raw-client.ts';
import {
  initializeMessage,
  post,
  serve,
  type TestService,
  testService,
  toolCall,
} from '../support/service.ts';
import { envelope, statelessCall, statelessPost } from '../support/stateless-request.ts';

/** As what a secret may be found: as it is, and as its characters or its bytes are written otherwise. */
function formsOf(id: string): string[] {
  const [characters, bytes] = [Buffer.from(id), Buffer.from(id, 'base64url')];
  // In base64, what text becomes depends on where it begins; its ends depend on what is around it.
  const shifted = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), characters])
      .toString('base64')
      .slice(4, -4),
  );
  return [
    id,
    encodeURIComponent(id),
    characters.toString('hex'),
    bytes.toString('hex'),
    bytes.toString('base64'),
    ...shifted,
  ];
}

/** Which of `ids` can be read out of `text`, in whatever form. */
function foundIn(text: string, ids: readonly string[]): string[] {
  const lower = text.toLowerCase();
  return ids.filter((id) =>
    formsOf(id).some((form) => text.includes(form) || (/^[0-9a-f]+$/.test(form) && lower.includes(form))),
  );
}

/** What the store, the logs and the errors must not tell of sessions that were busy in all ways there are. */
export function rawIdsSuite(name: string, makeHarness: HarnessFactory): void {
  describe(`raw session ids on ${name}`, () => {
    let harness: StoreHarness;
    let store: Store;
    const services: TestService[] = [];
    const servers: HttpServer[] = [];

    beforeAll(async () => {
      harness = await makeHarness();
      store = await harness.open();
    });
    afterAll(async () => {
      await Promise.all(servers.map((each) => each.stop()));
      for (const { service } of services) await service.mcp.close({ finishMs: 0 });
      await harness?.close();
    });

    const start = async (options: Parameters<typeof testService>[0] = {}): Promise<string> => {
      const service = testService({ store, config: { requestStateKeys: [TEST_ONLY_KEY] }, ...options });
      services.push(service);
      const server = await serve(service);
      servers.push(server);
      return server.origin;
    };

    // Catches: a dump that leaves out a table, an attribute, a key, or what is written as bytes; and a search that would
    // find nothing anywhere.
    it('would be found wherever in the store they were', async () => {
      const ids: string[] = [];
      const planted = (): string => {
        ids.push(newSessionId());
        return ids.at(-1) as string;
      };
      const initialize = {
        protocolVersion: planted(),
        capabilities: {},
        clientInfo: { name: planted(), version: '1' },
      };
      const principal = { issuer: planted(), subject: planted() };
      const session = newSession({ principal, initialize, logLevel: planted(), subscriptions: [planted()] });
      await store.sessions.create(session);
      const limits = { keys: 10, distinctKeys: 10 };
      await store.sessions.storeValue(
        session,
        { key: planted(), json: JSON.stringify(planted()), limits },
        NOW,
      );
      const event = { stream: planted(), expiresAt: NOW + HOUR, keep: 10 };
      const large = `${'é'.repeat(300_000)}${planted()}`;
      await store.events.append(session, { ...event, data: [JSON.stringify(planted())] }, NOW);
      await store.events.append(session, { ...event, data: [JSON.stringify(large)] }, NOW);
      const bare = newSession({ ref: sessionRef(planted()) });
      await store.sessions.create({ ...bare, ref: ids.at(-1) as typeof bare.ref });
      await store.instances.beat(planted(), NOW);
      expect(foundIn(await harness.dump(), ids)).toEqual(ids);
      for (const id of ids) {
        for (const form of formsOf(id)) expect(foundIn(`"${form}"`, [id])).toEqual([id]);
        expect(foundIn(Buffer.from(`{"a":"${id}"}`).toString('base64'), [id])).toEqual([id]);
        expect(foundIn(Buffer.from(`{"a":"${id}"}`).toString('hex').toUpperCase(), [id])).toEqual([id]);
      }
    });

    it('are nowhere in the store, the logs and what is refused, however busy their sessions are', async () => {
      const gates = new Gates();
      const deeds: Deeds = { charges: [], orders: [] };
      const [a, b] = [
        await start({
          server: (session) => scriptServer({ instance: 'a', session, gates, tellsOfAll: true }),
        }),
        await start({ server: (session) => bothErasServer('b', session, { gates, deeds }) }),
      ];
      const tools = await start();
      const broken = await start({
        server: ({ id }) => {
          throw new Error(`this session cannot be served: ${id}`);
        },
      });
      const marker = randomBytes(8).toString('hex');
      const ids: string[] = [];
      const errors: string[] = [];
      const keep = (id: string): string => {
        ids.push(id);
        return id;
      };
      const fetchText = async (origin: string, init: RequestInit): Promise<string> =>
        (await fetch(`${origin}/mcp`, init)).text();

      // A session of a connection: everything that travels over its streams carries its id.
      const client = await RawClient.open(a);
      const id = keep(client.sessionId);
      const other = await RawClient.open(a);
      keep(other.sessionId);
      const text = `${marker} ${id} and ${other.sessionId} and ${Buffer.from(id).toString('base64')}`;
      const steps = [
        { say: { [id]: text } },
        { announce: text },
        { progress: 1 },
        { ask: text },
        { ask: text, on: 'session' },
        { sample: text },
        { roots: true },
      ];
      const listening = await client.listen();
      const stream = streamOf(
        await client.call('run', { steps }, { id: `call ${id}`, progressToken: `progress ${id}` }),
      );
      const answer = { action: 'accept', content: { answer: text } };
      const asks = [
        [stream, 'elicitation/create', answer],
        [listening, 'elicitation/create', answer],
        [stream, 'sampling/createMessage', { role: 'assistant', model: id, content: { type: 'text', text } }],
        [stream, 'roots/list', { roots: [{ uri: `file:///${id}`, name: text }] }],
      ] as const;
      for (const [on, method, result] of asks) {
        // To another instance than the one that waits, by way of the store.
        await client.tell({ id: String((await on.request(method)).id), result }, tools);
      }
      await stream.end();
      const resumed = await client.listen({ lastEventId: String(stream.events[0]?.id) });
      await resumed.end();
      expect(resumed.messages).toEqual(stream.messages);
      const waiting = streamOf(
        await client.call('run', { steps: [{ say: 1 }, { gate: 'never' }] }, { id: `wait ${id}` }),
      );
      await waiting.untilSaid(1);
      await client.tell(
        { method: 'notifications/cancelled', params: { requestId: `wait ${id}`, reason: text } },
        tools,
      );
      await client.post({
        jsonrpc: '2.0',
        id: `level ${id}`,
        method: 'logging/setLevel',
        params: { level: 'info' },
      });

      // Handles, in both eras: in arguments, idempotency keys, outcomes, request states and subscriptions.
      const opened = await fetchText(b, statelessCall('open_session', { values: { k: 1 } }));
      const handle = keep(/"session_id\\?":\\?"([\w-]{43})/.exec(opened)?.[1] as string);
      const _meta = envelope({ 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } });
      const legacy = await RawClient.open(b);
      keep(legacy.sessionId);
      const charge = { session_id: handle, amount: 1, idempotency_key: `${marker} ${handle}`, gate: 'bank' };
      const charged = [fetchText(b, statelessCall('charge', charge)), legacy.result('charge', charge)];
      await gates.reached('bank');
      gates.open('bank');
      await Promise.all(charged);
      await legacy.result('put', { session_id: handle, key: 'k', value: marker });
      const order = {
        name: 'order',
        arguments: { item: `${handle} ${legacy.sessionId}`, once: true },
        _meta,
      };
      const asked = JSON.parse(await fetchText(b, statelessPost('tools/call', order))) as {
        readonly result: { readonly requestState: string };
      };
      const inputResponses = { agree: { action: 'accept', content: { agreed: true } } };
      const { requestState } = asked.result;
      await fetchText(b, statelessPost('tools/call', { ...order, requestState, inputResponses }));
      expect(deeds.orders).toHaveLength(1);
      errors.push(
        await fetchText(b, statelessPost('tools/call', { ...order, requestState, inputResponses })),
      );
      const cut = new AbortController();
      const notifications = { resourceSubscriptions: [`session://${handle}`] };
      await fetch(`${b}/mcp`, {
        ...statelessPost('subscriptions/listen', { notifications }),
        signal: cut.signal,
      });
      await services[1]?.service.mcp.notify.resourcesChanged();
      cut.abort();

      // Of a caller who is known by name.
      const principal = { issuer: 'https://issuer.example', subject: marker };
      const known = library({
        store,
        server: (session) => bothErasServer('c', session, { gates, deeds }),
        principal: () => principal,
        requestStateKeys: [TEST_ONLY_KEY],
      });
      const owned = await known.request(post(initializeMessage()));
      keep(owned.headers.get('mcp-session-id') as string);
      await known.mcp.close({ finishMs: 0 });

      // What is refused, in words that go into other people's logs.
      const gone = await RawClient.open(tools);
      keep(gone.sessionId);
      await gone.terminate();
      const named = (sessionId: string, more: Record<string, string> = {}) => ({
        'Mcp-Session-Id': sessionId,
        ...more,
      });
      const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
      const foreign = keep(newSessionId());
      for (const init of [
        post(ping, named(gone.sessionId)),
        post(ping, named(foreign)),
        post(ping, named(foreign.repeat(6))),
        post(ping, named(id, { 'MCP-Protocol-Version': foreign })),
        post(initializeMessage(), named(id)),
        post(`{"jsonrpc": "2.0", "${id}`, named(id)),
        post({ ...ping, params: [id] }, named(id)),
        post([{ ...ping, id }], named(id)),
        { method: 'DELETE', headers: named(gone.sessionId) },
        { headers: { ...named(id), Accept: 'text/event-stream', 'Last-Event-ID': id } },
        { headers: { ...named(id), Accept: 'text/event-stream', 'Last-Event-ID': `standalone.${id}` } },
        post(toolCall('get_value', { key: 'k', session_id: gone.sessionId }), named(legacy.sessionId)),
        post(toolCall('store_value', { key: 'k', value: 1, session_id: [id] }), named(legacy.sessionId)),
        post(toolCall('list_values', { cursor: id }), named(legacy.sessionId)),
        statelessCall('get_value', { key: 'k', session_id: gone.sessionId }),
        statelessCall('close_session', { session_id: foreign }),
        { ...statelessCall('get_value', { key: 'k', session_id: handle }), headers: named(handle) },
      ]) {
        errors.push(await fetchText(tools, init));
      }
      errors.push(await fetchText(broken, post(ping, named(id))));
      errors.push(await fetchText(broken, post(initializeMessage())));

      // It is on its way for those who listen: what was said is in the store by now.
      for (const each of [listening, waiting]) each.close();
      const dump = await harness.dump();
      for (const trace of [marker, 'call-', 'once-', 'used-', 'inbound', 'standalone', sessionRef(handle)]) {
        expect(dump).toContain(trace);
      }
      const logs = services.flatMap((each) => each.logs).join('');
      expect(logs).toContain('this session cannot be served: <hidden>');
      expect(ids).toHaveLength(7);
      expect(foundIn(dump, ids), 'in the store').toEqual([]);
      expect(foundIn(logs, ids), 'in the logs').toEqual([]);
      expect(foundIn(errors.join('\n'), ids), 'in what was refused').toEqual([]);
      for (const each of errors) expect(each).toMatch(/"error"|"isError":true/);
    });
  });
}
