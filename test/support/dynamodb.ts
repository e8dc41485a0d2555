import { randomBytes } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { QueryCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { dynamodbClient } from '../../src/adapters/dynamodb/client.ts';
import { openTables } from '../../src/adapters/dynamodb/entities.ts';
import { TRIM_EVERY } from '../../src/adapters/dynamodb/event-log.ts';
import { dynamodbStore } from '../../src/adapters/dynamodb/store.ts';
import { createTables, deleteTables } from '../../src/adapters/dynamodb/tables.ts';
import type { SessionRef } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import type { Capabilities, StoreHarness } from '../contract/harness.ts';
import type { DynamodbEngine } from './dynamodb-engines.ts';

export const DYNAMODB_CAPABILITIES: Capabilities = {
  // DynamoDB removes expired items by their TTL attribute.
  sweeps: false,
  // DynamoDB cannot push, and polling every cached session would cost more than the cache saves.
  // The slowest pace of the polling.
  catchesUpWithinMs: 4_000,
  // Trimming by every append would double its requests.
  trimSlack: TRIM_EVERY,
};

export function engineClient({ endpoint }: DynamodbEngine): DynamoDBClient {
  return dynamodbClient(
    endpoint === undefined
      ? {}
      : {
          endpoint,
          region: 'us-east-1',
          credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
          // An emulator on a busy machine takes longer than DynamoDB ever would.
          requestTimeoutMs: 20_000,
        },
  );
}

export function randomTableName(): string {
  return `durable-mcp-test-${randomBytes(6).toString('hex')}`;
}

/** What a client is for: each needs other permissions. */
export type Purpose = 'runtime' | 'setup' | 'teardown';

/** One engine with tables of its own; `onClient` sees every client whose requests are the adapter's. */
export async function dynamodbHarness(
  startEngine: () => Promise<DynamodbEngine>,
  onClient: (client: DynamoDBClient, purpose: Purpose) => void = () => {},
): Promise<StoreHarness> {
  const engine = await startEngine();
  const tableName = randomTableName();
  const clients: DynamoDBClient[] = [];
  const stores: Store[] = [];
  const newClient = (purpose: Purpose): DynamoDBClient => {
    const client = engineClient(engine);
    clients.push(client);
    onClient(client, purpose);
    return client;
  };
  await createTables({ client: newClient('setup'), tableName });
  const inspected = engineClient(engine);
  const { client: inspect, sessionsTable, eventsTable } = openTables(inspected, tableName);
  /** Items under a principal that name a session, which no key of the session leads to. */
  const countListings = async (ref: SessionRef): Promise<number> => {
    let listings = 0;
    let ExclusiveStartKey: Record<string, unknown> | undefined;
    do {
      const page = await inspect.send(
        new ScanCommand({
          TableName: sessionsTable,
          FilterExpression: '#ref = :ref and begins_with(pk, :owner)',
          ExpressionAttributeNames: { '#ref': 'ref' },
          ExpressionAttributeValues: { ':ref': ref, ':owner': 'owner#' },
          Select: 'COUNT',
          ConsistentRead: true,
          ExclusiveStartKey,
        }),
      );
      listings += page.Count ?? 0;
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
    return listings;
  };
  return {
    capabilities: DYNAMODB_CAPABILITIES,
    open: async () => {
      const store = dynamodbStore({ client: newClient('runtime'), tableName });
      stores.push(store);
      return store;
    },
    countRows: async (ref) => {
      let rows = 0;
      for (const TableName of [sessionsTable, eventsTable]) {
        let ExclusiveStartKey: Record<string, unknown> | undefined;
        do {
          const page = await inspect.send(
            new QueryCommand({
              TableName,
              KeyConditionExpression: 'pk = :pk',
              ExpressionAttributeValues: { ':pk': ref },
              ProjectionExpression: '#first, #last',
              ExpressionAttributeNames: { '#first': 'first', '#last': 'last' },
              ConsistentRead: true,
              ExclusiveStartKey,
            }),
          );
          // One item holds all events of an append; each of them counts, as it does where it has a row.
          for (const { first, last } of page.Items ?? []) rows += last === undefined ? 1 : last - first + 1;
          ExclusiveStartKey = page.LastEvaluatedKey;
        } while (ExclusiveStartKey !== undefined);
      }
      return rows + (await countListings(ref));
    },
    setBack: async (ref, stream, sequence) => {
      const { records } = openTables(inspected, tableName);
      const { data } = await records.query.primary({ ref, stream }).go({ pages: 'all', consistent: true });
      const lost = data.filter(({ first }) => first > sequence);
      await Promise.all(lost.map(({ first }) => records.delete({ ref, stream, first }).go()));
    },
    dump: async () => {
      const items: unknown[] = [];
      for (const TableName of [sessionsTable, eventsTable]) {
        let ExclusiveStartKey: Record<string, unknown> | undefined;
        do {
          const page = await inspect.send(
            new ScanCommand({ TableName, ConsistentRead: true, ExclusiveStartKey }),
          );
          items.push(...(page.Items ?? []));
          ExclusiveStartKey = page.LastEvaluatedKey;
        } while (ExclusiveStartKey !== undefined);
      }
      return JSON.stringify(items, (_, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString() : value,
      );
    },
    close: async () => {
      for (const store of stores) await store.close();
      await deleteTables({ client: newClient('teardown'), tableName });
      for (const client of [...clients, inspected]) client.destroy();
      await engine.stop();
    },
  };
}

/** An engine for a test file of the adapter's own, with fresh tables and a client for each test. */
export interface DynamodbFixture {
  readonly engine: DynamodbEngine;
  readonly tableName: string;
  readonly client: DynamoDBClient;
  readonly store: Store;
  /** What else goes wrong, where no caller waits. */
  readonly errors: unknown[];
  /** Another instance on the same tables. */
  another(): { readonly client: DynamoDBClient; readonly store: Store };
  close(): Promise<void>;
}

export async function dynamodbFixture(engine: DynamodbEngine): Promise<DynamodbFixture> {
  const tableName = randomTableName();
  const opened: { client: DynamoDBClient; store: Store }[] = [];
  const errors: unknown[] = [];
  const another = () => {
    const client = engineClient(engine);
    const store = dynamodbStore({ client, tableName, onError: (error) => errors.push(error) });
    opened.push({ client, store });
    return { client, store };
  };
  const admin = engineClient(engine);
  await createTables({ client: admin, tableName });
  return {
    engine,
    tableName,
    errors,
    ...another(),
    another,
    close: async () => {
      for (const { client, store } of opened) {
        await store.close();
        client.destroy();
      }
      await deleteTables({ client: admin, tableName });
      admin.destroy();
    },
  };
}
