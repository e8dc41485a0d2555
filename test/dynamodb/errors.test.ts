import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BatchGetItemCommandOutput, BatchWriteItemCommandOutput } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dynamodbClient, dynamodbStore } from '../../src/adapters/dynamodb/store.ts';
import { SessionNotFound, StoreNotSetUp, StoreUnavailable } from '../../src/domain/errors.ts';
import { STORE_REQUESTS_WAITING } from '../../src/domain/limits.ts';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { NOW, newSession, outcomes, ROOM, times } from '../contract/fixtures.ts';
import { type DynamodbFixture, engineClient } from '../support/dynamodb.ts';
import type { DynamodbEngine } from '../support/dynamodb-engines.ts';
import { actionsOf, intercept, serviceError } from '../support/dynamodb-requests.ts';
import { onDynamodb } from '../support/dynamodb-tests.ts';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

/** Every operation that a store has. */
function operations({ sessions, events, instances }: Store, session: Session): Promise<unknown>[] {
  const append = { stream: 's', data: ['1'], expiresAt: session.endsAt, keep: 9 };
  return [
    sessions.create(newSession()),
    sessions.find(session.ref, NOW),
    sessions.updateIfVersion(session.ref, 1, { logLevel: 'debug' }, NOW),
    sessions.touch([{ ref: session.ref, lastSeenAt: NOW + 1, expiresAt: session.expiresAt + 1 }], NOW),
    sessions.storeValue(session, { key: 'x', json: '2', limits: ROOM }, NOW),
    sessions.storeValue(session, { key: 'new', json: '2', expectedVersion: 0, limits: ROOM }, NOW),
    sessions.readValue(session, 'x', NOW),
    sessions.deleteValue(session, { key: 'x' }, NOW),
    sessions.listValues(session, { prefix: '', limit: 9 }, NOW),
    sessions.delete(newSession().ref, NOW),
    events.append(session, append, NOW),
    events.read(session, { stream: 's', after: 0, limit: 9 }, NOW),
    events.lastSequence(session, 's', NOW),
    instances.beat('0123456789abcdef', NOW),
    instances.beats('0123456789abcdef'),
    instances.forget('0123456789abcdef'),
  ];
}

describe('errors of DynamoDB', () => {
  let engine: DynamodbEngine;
  let fixture: DynamodbFixture;
  let session: Session;

  onDynamodb((...given) => {
    [fixture, engine] = given;
  });
  beforeEach(async () => {
    session = newSession();
    await fixture.store.sessions.create(session);
    await fixture.store.sessions.storeValue(session, { key: 'x', json: '1', limits: ROOM }, NOW);
  });

  it('StoreNotSetUp names the command where the tables are missing', async () => {
    const client = engineClient(engine);
    const store = dynamodbStore({ client, tableName: 'never-created' });
    const { values, errors } = await outcomes([...operations(store, session), store.check()]);
    expect(values).toEqual([]);
    for (const error of errors) {
      expect(error).toBeInstanceOf(StoreNotSetUp);
      expect((error as Error).message).toContain('npm run setup:dynamodb');
    }
    client.destroy();
  });

  // Catches: the SDK's waiting for ever, and errors of the network that leave the adapter as they are.
  it('StoreUnavailable where nothing listens, soon', async () => {
    const client = dynamodbClient({ endpoint: 'http://127.0.0.1:9', region: 'us-east-1', credentials });
    const store = dynamodbStore({ client });
    const startedAt = performance.now();
    const { values, errors } = await outcomes([...operations(store, session), store.check()]);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(values).toEqual([]);
    for (const error of errors) {
      expect(error).toBeInstanceOf(StoreUnavailable);
      expect((error as Error).cause).toMatchObject({ code: 'ECONNREFUSED' });
    }
    client.destroy();
  });

  // Catches: requests that pile up for as long as DynamoDB hangs.
  it('StoreUnavailable at once where too many requests are under way, and not afterwards', async () => {
    const { client, store } = fixture.another();
    let giveUp = (): void => {};
    const hangs = new Promise<void>((resolve) => {
      giveUp = resolve;
    });
    let sent = 0;
    intercept(client, async (_, next) => {
      sent += 1;
      if (sent > STORE_REQUESTS_WAITING) return next();
      await hangs;
      throw serviceError('ThrottlingException');
    });
    const find = () => store.sessions.find(session.ref, NOW);
    const waiting = outcomes(times(STORE_REQUESTS_WAITING, find));
    expect((await outcomes(times(9, find))).errors).toEqual(times(9, () => expect.any(StoreUnavailable)));
    expect(sent).toBe(STORE_REQUESTS_WAITING);
    giveUp();
    await waiting;
    expect(await find()).toMatchObject({ ref: session.ref });
  });

  describe('where DynamoDB is silent', () => {
    let silent: Server;
    let endpoint: string;

    beforeAll(async () => {
      silent = createServer(() => {});
      await new Promise<void>((resolve) => silent.listen({ host: '127.0.0.1', port: 0 }, resolve));
      endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    });
    afterAll(() => {
      silent.close();
      silent.closeAllConnections();
    });

    // Catches: a request timeout that only prints a warning, which is the SDK's default.
    it('StoreUnavailable after three attempts', async () => {
      const client = dynamodbClient({ endpoint, region: 'us-east-1', credentials, requestTimeoutMs: 100 });
      const { sessions } = dynamodbStore({ client });
      const startedAt = performance.now();
      await expect(sessions.find(session.ref, NOW)).rejects.toThrow(StoreUnavailable);
      expect(performance.now() - startedAt).toBeLessThan(3_000);
      client.destroy();
    });

    it('the check gives up by itself', async () => {
      const client = dynamodbClient({ endpoint, region: 'us-east-1', credentials });
      const startedAt = performance.now();
      await expect(dynamodbStore({ client }).check()).rejects.toThrow(StoreUnavailable);
      expect(performance.now() - startedAt).toBeLessThan(3_500);
      client.destroy();
    });
  });

  describe('where something else answers', () => {
    let other: Server;
    let port: number;

    beforeAll(async () => {
      other = createServer((request, response) => {
        const [status, body] = request.headers['x-amz-target']?.toString().endsWith('GetItem')
          ? [403, '<html>No way</html>']
          : [200, '{"Attributes":'];
        request.resume().on('end', () => response.writeHead(status).end(body));
      });
      await new Promise<void>((resolve) => other.listen({ host: '127.0.0.1', port: 0 }, resolve));
      port = (other.address() as AddressInfo).port;
    });
    afterAll(() => {
      other.close();
      other.closeAllConnections();
    });

    // Catches: the page of a proxy, half an answer, or a failure of TLS, taken for a bug: 500 instead of 503.
    it.each(['http', 'https'])('StoreUnavailable over %s', async (protocol) => {
      const endpoint = `${protocol}://127.0.0.1:${port}`;
      const client = dynamodbClient({ endpoint, region: 'us-east-1', credentials });
      const { sessions } = dynamodbStore({ client });
      await expect(sessions.find(session.ref, NOW)).rejects.toThrow(StoreUnavailable);
      await expect(sessions.create(newSession())).rejects.toThrow(StoreUnavailable);
      client.destroy();
    });
  });

  // Catches: an error swallowed by a retry, a compensation or a best-effort step, and so a write reported as
  // stored that is not.
  it.each([
    ['ProvisionedThroughputExceededException', 400],
    ['ThrottlingException', 400],
    ['RequestLimitExceeded', 400],
    ['InternalServerError', 500],
    ['ServiceUnavailable', 503],
    ['SomethingNewFromTheServer', 500],
    ['AccessDeniedException', 400],
    ['ExpiredTokenException', 400],
    // As the service that gives credentials says it.
    ['AccessDenied', 403],
    ['SomethingNewAboutTheCaller', 400],
  ])('StoreUnavailable for %s, and nothing is stored', async (name, status) => {
    const { client, store } = fixture.another();
    intercept(client, async () => {
      throw serviceError(name, status);
    });
    const { values, errors } = await outcomes(operations(store, session));
    expect(values).toEqual([]);
    for (const error of errors) {
      expect(error).toBeInstanceOf(StoreUnavailable);
      expect((error as Error).cause).toMatchObject({ name });
    }
    const { sessions, events } = fixture.store;
    expect(await sessions.find(session.ref, NOW)).toEqual({ ...session, valueCount: 1 });
    expect(await sessions.readValue(session, 'x', NOW)).toMatchObject({ json: '1', version: 1 });
    expect(await sessions.readValue(session, 'new', NOW)).toBeUndefined();
    expect(await events.lastSequence(session, 's', NOW)).toBe(0);
  });

  // Catches: the same, where only the second or third request of an operation fails.
  it.each(['UpdateItem', 'PutItem', 'DeleteItem', 'GetItem', 'Query', 'BatchGetItem'])(
    'no operation that uses %s succeeds without it',
    async (action) => {
      const { client, store } = fixture.another();
      const failed = new Set<number>();
      intercept(client, async (sent, next) => {
        if (sent.action === action) throw serviceError('ThrottlingException');
        return next();
      });
      await Promise.all(
        operations(store, session).map((operation, index) =>
          operation.catch((error: unknown) => {
            expect(error).toBeInstanceOf(StoreUnavailable);
            failed.add(index);
          }),
        ),
      );
      const users = {
        UpdateItem: [2, 3, 4, 5, 7, 13],
        PutItem: [0, 5, 10],
        DeleteItem: [9, 15],
        GetItem: [1, 8, 10, 11, 12, 14],
      } as const;
      const others = { Query: [8, 9, 10, 11, 12], BatchGetItem: [5, 6] } as const;
      expect([...failed].toSorted((a, b) => a - b)).toEqual({ ...users, ...others }[action as 'Query']);
      fixture.errors.length = 0;
    },
  );

  it('rethrows what it does not know: that is a bug, and no outage', async () => {
    const { client, store } = fixture.another();
    intercept(client, async () => {
      throw serviceError('ValidationException');
    });
    const { errors } = await outcomes(operations(store, session));
    expect(errors).toHaveLength(16);
    for (const error of errors) expect(error).not.toBeInstanceOf(StoreUnavailable);
  });

  // Catches: one session's failure that is lost among many.
  it('touch rejects if one of the sessions could not be written', async () => {
    const { client, store } = fixture.another();
    const sessions = times(60, () => newSession());
    for (const each of sessions) await fixture.store.sessions.create(each);
    const failing = sessions[7]?.ref;
    intercept(client, async (sent, next) => {
      if (JSON.stringify(sent.input).includes(String(failing))) throw serviceError('ThrottlingException');
      return next();
    });
    const touches = sessions.map(({ ref }) => ({ ref, lastSeenAt: NOW + 1, expiresAt: NOW + 7_200_000 }));
    await expect(store.sessions.touch(touches, NOW)).rejects.toThrow(StoreUnavailable);
  });

  describe('what DynamoDB leaves out of a batch is asked for again', () => {
    // Catches: a value reported as absent, or a session as gone, because the table was busy.
    it('of the two items of a value’s read, either or both', async () => {
      for (const leftOut of [[0], [1], [0, 1]]) {
        const { client, store } = fixture.another();
        let busy = true;
        intercept(client, async (sent, next) => {
          const output = (await next()) as BatchGetItemCommandOutput;
          if (sent.action !== 'BatchGetItem' || !busy) return output;
          busy = false;
          const requested = (sent.input as { RequestItems: Record<string, { Keys: { sk: string }[] }> })
            .RequestItems[fixture.tableName]?.Keys as { sk: string }[];
          const Keys = leftOut.map((index) => requested[index]) as unknown as Record<string, never>[];
          const Items = (output.Responses?.[fixture.tableName] ?? []).filter(
            ({ sk }) => !leftOut.some((index) => requested[index]?.sk === (sk as unknown as string)),
          );
          return {
            ...output,
            Responses: { [fixture.tableName]: Items },
            UnprocessedKeys: { [fixture.tableName]: { Keys, ConsistentRead: true } },
          };
        });
        const actions = actionsOf(client);
        expect(await store.sessions.readValue(session, 'x', NOW)).toMatchObject({ json: '1' });
        expect(actions).toEqual(['BatchGetItem', 'BatchGetItem']);
      }
    });

    it('StoreUnavailable where it stays busy', async () => {
      const { client, store } = fixture.another();
      intercept(client, async (sent, next) => {
        if (sent.action !== 'BatchGetItem') return next();
        const { RequestItems } = sent.input as { RequestItems: Record<string, never> };
        return { Responses: {}, UnprocessedKeys: RequestItems, $metadata: {} };
      });
      await expect(store.sessions.readValue(session, 'x', NOW)).rejects.toThrow(StoreUnavailable);
    });

    // Catches: trimmed events of which some stay for good, since nothing looks for them again.
    it('of the deletions of a trim', async () => {
      const { client, store } = fixture.another();
      let leftOut = 0;
      intercept(client, async (sent, next) => {
        if (sent.action !== 'BatchWriteItem' || leftOut >= 2) return next();
        leftOut += 1;
        const { RequestItems } = sent.input as { RequestItems: Record<string, never> };
        return { UnprocessedItems: RequestItems, $metadata: {} };
      });
      for (let index = 0; index < 32; index += 1) {
        const append = { stream: 's', data: ['1'], expiresAt: session.endsAt, keep: 2 };
        await store.events.append(session, append, NOW);
      }
      expect(leftOut).toBe(2);
      const { events } = await store.events.read(session, { stream: 's', after: 0, limit: 99 }, NOW);
      expect(events.map(({ sequence }) => sequence)).toEqual([31, 32]);
    });

    // Catches: a DELETE that is answered while values are left.
    it('of the deletions of a session', async () => {
      const { client, store } = fixture.another();
      for (const key of times(60, String)) {
        await fixture.store.sessions.storeValue(session, { key, json: '1', limits: ROOM }, NOW);
      }
      let leftOut = 0;
      intercept(client, async (sent, next) => {
        if (sent.action !== 'BatchWriteItem' || leftOut >= 2) return next();
        leftOut += 1;
        const { RequestItems } = sent.input as { RequestItems: Record<string, unknown[]> };
        const UnprocessedItems = { ...RequestItems } as BatchWriteItemCommandOutput['UnprocessedItems'];
        return { UnprocessedItems, $metadata: {} };
      });
      expect(await store.sessions.delete(session.ref, NOW)).toBe(true);
      expect(leftOut).toBe(2);
      // Had one been left, it could still be overwritten.
      const writes = times(60, (index) =>
        fixture.store.sessions.storeValue(session, { key: String(index), json: '2', limits: ROOM }, NOW),
      );
      const { errors } = await outcomes(writes);
      expect(errors).toHaveLength(60);
      for (const error of errors) expect(error).toBeInstanceOf(SessionNotFound);
    });
  });
});
