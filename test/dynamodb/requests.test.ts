import { beforeEach, describe, expect, it } from 'vitest';
import type { Session } from '../../src/domain/session.ts';
import { NOW, newSession, ROOM } from '../contract/fixtures.ts';
import type { DynamodbFixture } from '../support/dynamodb.ts';
import { ENGINES_HERE } from '../support/dynamodb-engines.ts';
import { actionsOf } from '../support/dynamodb-requests.ts';
import { onDynamodb } from '../support/dynamodb-tests.ts';

describe.each(ENGINES_HERE)('the requests that an operation costs (%s)', (_, startEngine) => {
  let fixture: DynamodbFixture;
  let session: Session;
  let actions: string[];

  const put = (key: string, expectedVersion?: number) =>
    fixture.store.sessions.storeValue(session, { key, json: '1', expectedVersion, limits: ROOM }, NOW);
  /** The requests of `operation` alone. */
  const cost = async (operation: () => Promise<unknown>): Promise<string[]> => {
    actions.length = 0;
    await operation();
    return [...actions];
  };

  onDynamodb((given) => {
    fixture = given;
    actions = actionsOf(fixture.client);
  }, startEngine);
  beforeEach(async () => {
    session = newSession();
    await fixture.store.sessions.create(session);
    await put('x');
  });

  // Catches: a session read, or a count, in front of each write.
  it('overwriting a key is one UpdateItem', async () => {
    expect(await cost(() => put('x'))).toEqual(['UpdateItem']);
    expect(await cost(() => put('x', 2))).toEqual(['UpdateItem']);
  });

  it('the first write of a key is two more', async () => {
    expect(await cost(() => put('new'))).toEqual(['UpdateItem', 'UpdateItem', 'PutItem']);
  });

  // Catches: two GetItems, which also would see two moments.
  it('reading a key is one BatchGetItem, also where there is none', async () => {
    const { sessions } = fixture.store;
    expect(await cost(() => sessions.readValue(session, 'x', NOW))).toEqual(['BatchGetItem']);
    expect(await cost(() => sessions.readValue(session, 'none', NOW))).toEqual(['BatchGetItem']);
  });

  it('finding a session is one GetItem, and using it one UpdateItem', async () => {
    const { sessions } = fixture.store;
    expect(await cost(() => sessions.find(session.ref, NOW))).toEqual(['GetItem']);
    const used = { ref: session.ref, lastSeenAt: NOW + 1, expiresAt: session.expiresAt + 1 };
    expect(await cost(() => sessions.touch([used], NOW))).toEqual(['UpdateItem']);
  });

  // Catches: a look at each session where there is room for more in any case.
  it('a count is one Query, and looks at the sessions only where it reaches the most', async () => {
    const principal = { issuer: 'i', subject: 'counted' };
    for (let count = 0; count < 3; count += 1) {
      await fixture.store.sessions.create(newSession({ principal }));
    }
    const { directory } = fixture.store;
    expect(await cost(() => directory.count(principal, 4, NOW))).toEqual(['Query']);
    expect(await cost(() => directory.count(principal, 3, NOW))).toEqual(['Query', 'Query', 'BatchGetItem']);
  });

  // Catches: what the directory needs, paid for by sessions that are in nobody's.
  it('a principal costs a session one PutItem and one DeleteItem', async () => {
    const { sessions } = fixture.store;
    const [anonymous, owned] = [newSession(), newSession({ principal: { issuer: 'i', subject: 's' } })];
    expect(await cost(() => sessions.create(anonymous))).toEqual(['PutItem']);
    expect(await cost(() => sessions.create(owned))).toEqual(['PutItem', 'PutItem']);
    const deletion = await cost(() => sessions.delete(anonymous.ref, NOW));
    expect(deletion.toSorted()).toEqual(['DeleteItem', 'Query', 'Query']);
    const ownedDeletion = await cost(() => sessions.delete(owned.ref, NOW));
    expect(ownedDeletion.toSorted()).toEqual(['DeleteItem', 'DeleteItem', 'Query', 'Query']);
  });

  it('a page of a principal’s sessions is one Query and one BatchGetItem, an empty one a Query', async () => {
    const principal = { issuer: 'i', subject: 'of a page' };
    const list = (limit: number) => () => fixture.store.directory.list(principal, { limit }, NOW);
    expect(await cost(list(10))).toEqual(['Query']);
    for (const _ of [1, 2, 3]) await fixture.store.sessions.create(newSession({ principal }));
    expect(await cost(list(2))).toEqual(['Query', 'BatchGetItem']);
    expect(await cost(list(10))).toEqual(['Query', 'BatchGetItem']);
  });

  it('a refused compare-and-set is one more', async () => {
    expect(await cost(() => expect(put('x', 7)).rejects.toThrow(/its version is 1/))).toEqual([
      'UpdateItem',
      'BatchGetItem',
    ]);
    expect(await cost(() => expect(put('x', 0)).rejects.toThrow(/its version is 1/))).toEqual([
      'BatchGetItem',
    ]);
  });

  it('a listed page is one Query beside the session’s GetItem', async () => {
    const list = () => fixture.store.sessions.listValues(session, { prefix: '', limit: 10 }, NOW);
    expect((await cost(list)).toSorted()).toEqual(['GetItem', 'Query']);
  });

  it('a beat is one UpdateItem, its count one GetItem, and forgetting one DeleteItem', async () => {
    const { instances } = fixture.store;
    for (const _again of [1, 2]) {
      expect(await cost(() => instances.beat('0123456789abcdef', NOW))).toEqual(['UpdateItem']);
    }
    expect(await cost(() => instances.beats('0123456789abcdef'))).toEqual(['GetItem']);
    expect(await cost(() => instances.forget('0123456789abcdef'))).toEqual(['DeleteItem']);
  });

  // Catches: parts, a counter or a head item for small events; a trim by each append.
  it('a small append is one PutItem after what must be known first', async () => {
    const append = () =>
      fixture.store.events.append(
        session,
        { stream: 's', data: ['1'], expiresAt: session.endsAt, keep: 100 },
        NOW,
      );
    for (let index = 0; index < 2; index += 1) {
      const sent = await cost(append);
      expect(sent.slice(0, 2).toSorted()).toEqual(['GetItem', 'Query']);
      expect(sent.slice(2)).toEqual(['PutItem']);
    }
    const { events } = fixture.store;
    const tail = () => events.read(session, { stream: 's', after: 1, limit: 10 }, NOW);
    expect((await cost(tail)).toSorted()).toEqual(['GetItem', 'Query']);
  });
});
