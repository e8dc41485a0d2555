import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHANGES_STREAM } from '../../src/domain/change-follower.ts';
import { STANDALONE_STREAM } from '../../src/domain/stream-name.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually, times } from '../contract/fixtures.ts';
import { changesIn, subscribe, untilTold } from '../streams/changes.suite.ts';
import { Gates } from '../streams/fixture/gates.ts';
import { scriptServer } from '../streams/fixture/script-server.ts';
import type { ScriptCluster } from '../streams/streams.suite.ts';
import { startCluster } from '../support/cluster.ts';
import { FaultyStore } from '../support/faulty-store.ts';
import { memoryHarness } from '../support/memory.ts';
import type { RawClient } from '../support/raw-client.ts';
import type { SseConnection } from '../support/sse-connection.ts';
import { gate } from '../support/stream-lab.ts';

type Made = Pick<ScriptCluster, 'a' | 'b' | 'c' | 'open' | 'mcp' | 'storeErrors' | 'close'>;

let cluster: Made;
/** Of each instance, to be broken by a test. */
let stores: Record<string, FaultyStore>;
/** How many readers each instance has on the log of changes. */
let followers: Record<string, number>;
/** On which instance a server was made, for each. */
let servers: string[];
let serverFailures: number;
/** What whoever makes a server waits for. */
let serversWait: Promise<void> | undefined;
/** How often an instance has read a session. */
let sessionReads: Record<string, number>;
/** What the next append of an instance to a session's own stream waits for. */
let holdUp: Record<string, Promise<void> | undefined>;

beforeEach(() => make({}));
afterEach(() => cluster.close());

async function make(options: { readonly eventsPerStream?: number }): Promise<void> {
  await cluster?.close();
  stores = { a: new FaultyStore(), b: new FaultyStore(), c: new FaultyStore() };
  followers = { a: 0, b: 0, c: 0 };
  servers = [];
  serverFailures = 0;
  serversWait = undefined;
  sessionReads = {};
  holdUp = {};
  const made = await startCluster({
    harness: await memoryHarness(),
    limits: options,
    wrap: (store, name) => watched(stores[name]?.wrap(store) ?? store, name),
    server: async (instance, session) => {
      servers.push(instance);
      await serversWait;
      if (serverFailures > 0) {
        serverFailures -= 1;
        throw new Error('its author’s database is down');
      }
      return scriptServer({ instance, session, gates: new Gates(), tellsOfAll: true });
    },
  });
  const [a = '', b = '', c = ''] = made.origins;
  cluster = { ...made, a, b, c };
}

function watched(store: Store, name: string): Store {
  const { signals, events, sessions } = store;
  const find = sessions.find.bind(sessions);
  sessions.find = (ref, now) => {
    sessionReads[name] = (sessionReads[name] ?? 0) + 1;
    return find(ref, now);
  };
  const append = events.append.bind(events);
  events.append = async (session, what, now) => {
    const waitFor = what.stream === STANDALONE_STREAM ? holdUp[name] : undefined;
    if (waitFor !== undefined) delete holdUp[name];
    await waitFor;
    return append(session, what, now);
  };
  return {
    ...store,
    signals: {
      tellsOfSessions: signals.tellsOfSessions,
      publish: (topic) => signals.publish(topic),
      watch: (topic, onSignal) => {
        const unwatch = signals.watch(topic, onSignal);
        if (topic.stream !== CHANGES_STREAM) return unwatch;
        followers[name] = (followers[name] ?? 0) + 1;
        return () => {
          followers[name] = (followers[name] ?? 0) - 1;
          unwatch();
        };
      },
    },
  };
}

const notify = () => cluster.mcp('a').notify;

/** Ends a connection, and waits until its instance has noticed. */
async function leave(stream: SseConnection): Promise<void> {
  stream.close();
  await eventually(() => Object.values(followers).every((count) => count === 0), 'nobody follows');
}

/** Lets the server say so much on the session's stream. */
async function chat(client: RawClient, stream: SseConnection, count: number): Promise<void> {
  const before = stream.said.length;
  await client.result('run', { steps: times(count, (index) => ({ announce: index })) });
  await stream.until(() => stream.said.length === before + count, 'what was said');
}

describe('an instance', () => {
  // Catches: a log that is followed, on DynamoDB polled, for nobody.
  it('follows changes only while a client listens to its session’s stream there', async () => {
    const client = await cluster.open({ at: cluster.a });
    await notify().toolsChanged();
    await client.result('run', { steps: [{ say: 1 }] }, { at: cluster.b });
    expect(followers).toEqual({ a: 0, b: 0, c: 0 });
    const [one, other] = [await client.listen({ at: cluster.b }), await cluster.open()];
    const another = await other.listen({ at: cluster.b });
    expect(followers).toEqual({ a: 0, b: 1, c: 0 });
    one.close();
    await leave(another);
    expect(followers).toEqual({ a: 0, b: 0, c: 0 });
  });

  // Catches: a server that is made, and a session that is read, for each change; or a server that is never made.
  it('finds out once what the session’s server offers', async () => {
    const client = await cluster.open({ at: cluster.a });
    const stream = await client.listen({ at: cluster.c });
    expect(servers).toEqual(['a']);
    for (const count of [1, 2, 3]) {
      await notify().toolsChanged();
      await untilTold(stream, count);
      // Once for the GET, and once to make the server.
      expect(sessionReads['c']).toBe(2);
    }
    expect(servers).toEqual(['a', 'c']);
  });

  // Catches: a change that takes an instance with many sessions away from its callers.
  it('tells a few sessions at a time', async () => {
    const clients = await Promise.all(times(12, () => cluster.open({ at: cluster.a })));
    const streams = await Promise.all(clients.map((client) => client.listen({ at: cluster.c })));
    const made = (): number => servers.filter((each) => each === 'c').length;
    const { passed, open } = gate();
    serversWait = passed;
    await notify().toolsChanged();
    await eventually(() => made() >= 8, 'some are at it');
    // On a way of its own, behind which all that could begin has begun.
    await clients[0]?.result('run', { steps: [] }, { at: cluster.a });
    expect(made()).toBe(8);
    open();
    for (const stream of streams) await untilTold(stream, 1);
    expect(made()).toBe(12);
  });

  // Catches: a change that is dropped because a server could not be made at that moment.
  it('tells later where the session’s server cannot be made', async () => {
    const client = await cluster.open({ at: cluster.a });
    const stream = await client.listen({ at: cluster.c });
    serverFailures = 1;
    await notify().toolsChanged();
    await eventually(() => cluster.storeErrors.length === 1, 'the failure is reported');
    await notify().promptsChanged();
    await untilTold(stream, 2);
    expect(changesIn(stream)).toEqual(['tools', 'prompts']);
    expect(cluster.storeErrors).toEqual([new Error('its author’s database is down')]);
  });
});

describe('a session that nobody listens to', () => {
  // Catches: changes that are lost with the instance that had the stream, or to a client that has no event id.
  it.each(['with', 'without'])(
    'is told what changed when it is listened to again, %s an event id',
    async (how) => {
      const client = await cluster.open();
      await subscribe(client, 'x:1');
      const first = await client.listen({ at: cluster.b });
      await notify().toolsChanged();
      await untilTold(first, 1);
      await leave(first);
      for (const uri of ['x:1', 'x:2', 'x:1']) await notify().resourceUpdated(uri);
      await notify().promptsChanged();
      await notify().promptsChanged();
      const lastEventId = how === 'with' ? { lastEventId: String(first.lastEventId) } : {};
      const second = await client.listen({ at: cluster.c, ...lastEventId });
      await untilTold(second, 2);
      // Of what says the same, the last is told.
      expect(changesIn(second)).toEqual(['x:1', 'prompts']);
      await leave(second);
      const third = await client.listen({ at: cluster.b });
      await notify().resourcesChanged();
      await untilTold(third, 1);
      expect(changesIn(third)).toEqual(['resources']);
    },
  );

  // Catches: a change that is told before the connection is there, and so to another one.
  it('is told what changed while it was about to be listened to', async () => {
    const client = await cluster.open();
    await leave(await client.listen({ at: cluster.b }));
    const { passed, open } = gate();
    holdUp['c'] = passed;
    const listening = client.listen({ at: cluster.c });
    await eventually(() => holdUp['c'] === undefined, 'the connection is about to be marked');
    await notify().toolsChanged();
    const other = await (await cluster.open()).listen({ at: cluster.c });
    await notify().promptsChanged();
    await untilTold(other, 1);
    open();
    const stream = await listening;
    await untilTold(stream, 2);
    expect(changesIn(stream)).toEqual(['tools', 'prompts']);
  });

  // Catches: a first GET that is told of all that ever changed.
  it('is not told what changed before it was first listened to', async () => {
    const client = await cluster.open();
    await notify().toolsChanged();
    await client.result('run', { steps: [{ announce: 'early' }] });
    const stream = await client.listen({ at: cluster.b });
    await notify().promptsChanged();
    await untilTold(stream, 1);
    expect(changesIn(stream)).toEqual(['prompts']);
  });

  // Catches: a look at the newest records that stops short of the mark.
  it('is told no change twice however much was said since', async () => {
    const client = await cluster.open();
    const first = await client.listen({ at: cluster.b });
    await notify().toolsChanged();
    await untilTold(first, 1);
    await chat(client, first, 100);
    await leave(first);
    await notify().promptsChanged();
    const second = await client.listen({ at: cluster.c });
    await untilTold(second, 1);
    expect(changesIn(second)).toEqual(['prompts']);
  });

  // Catches: a session that is taken for one that has never been listened to, because its marks were trimmed.
  it('is told what changed also where its own stream no longer says up to where it was told', async () => {
    await make({ eventsPerStream: 5 });
    const client = await cluster.open();
    const first = await client.listen({ at: cluster.b });
    await chat(client, first, 20);
    await leave(first);
    await notify().promptsChanged();
    await client.result('run', { steps: times(20, (index) => ({ announce: index })) });
    const second = await client.listen({ at: cluster.c });
    await untilTold(second, 1);
    expect(changesIn(second)).toEqual(['prompts']);
  });

  // Catches: some of the changes that are told as if they were all, or all of them each time.
  it('is told that anything may have changed where changes are no longer kept, once', async () => {
    const client = await cluster.open();
    await subscribe(client, 'x:1');
    await subscribe(client, 'x:2');
    await notify().toolsChanged();
    const first = await client.listen({ at: cluster.b });
    await leave(first);
    for (let index = 0; index < 1_100; index += 1) await notify().resourceUpdated(`y:${index}`);
    const second = await client.listen({ at: cluster.c });
    await untilTold(second, 5);
    expect(changesIn(second)).toEqual(['tools', 'prompts', 'resources', 'x:1', 'x:2']);
    await leave(second);
    const third = await client.listen({ at: cluster.b });
    await notify().toolsChanged();
    await untilTold(third, 1);
    expect(changesIn(third)).toEqual(['tools']);
  });
});

describe('two instances that both take themselves to have the stream', () => {
  // Catches: a number that is taken for a repeated one although it was never told, or that is told twice.
  it('tell of each change once, however late one of them does', async () => {
    const client = await cluster.open();
    await subscribe(client, 'x:1');
    await subscribe(client, 'x:2');
    const older = await client.listen({ at: cluster.b });
    await notify().toolsChanged();
    await untilTold(older, 1);
    // The older one does not hear that it was taken over, and the store does not hear of it.
    const [b, c] = [stores['b'] as FaultyStore, stores['c'] as FaultyStore];
    c.isMute = true;
    b.fate = ({ stream }) => (stream === STANDALONE_STREAM ? 'refused' : 'made');
    const newer = await client.listen({ at: cluster.c });
    await notify().resourceUpdated('x:1');
    await notify().resourceUpdated('x:2');
    await untilTold(newer, 2);
    await eventually(() => b.failures >= 2, 'the older one tries');
    b.fate = () => 'made';
    await older.end();
    await notify().promptsChanged();
    await untilTold(newer, 3);
    expect(changesIn(newer)).toEqual(['x:1', 'x:2', 'prompts']);
    expect(changesIn(older)).toEqual(['tools']);
  });
});
