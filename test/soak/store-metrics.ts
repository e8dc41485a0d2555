import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { getTableName } from 'drizzle-orm';
import pg from 'pg';
import { dynamodbClient } from '../../src/adapters/dynamodb/client.ts';
import { openTables, TTL_ATTRIBUTE } from '../../src/adapters/dynamodb/entities.ts';
import { DEFAULT_TABLE_NAME } from '../../src/adapters/dynamodb/table-schema.ts';
import { tables } from '../../src/adapters/postgres/schema.ts';
import type { StoreName } from '../../src/app/store-config.ts';
import type { Kind, Metric } from './metric.ts';

/** What each session may leave: of the kinds of visits each is about the 20th part, and none may leave a row. */
function kept(what: string): Kind {
  return { name: what, unit: '', perMetricUnit: 1, allowed: 0.03 };
}

/** What a store holds, looked at past the adapter. */
export interface StoreMetrics {
  readonly metrics: readonly Metric[];
  close(): Promise<void>;
}

export function storeMetrics(store: StoreName, storeUrl: string): Promise<StoreMetrics> {
  return store === 'postgres' ? postgresMetrics(storeUrl) : dynamodbMetrics(storeUrl);
}

async function postgresMetrics(url: string): Promise<StoreMetrics> {
  const client = new pg.Client(url);
  await client.connect();
  const number = async (query: string): Promise<number> =>
    Number((await client.query<{ number: string }>(`select ${query} as number`)).rows[0]?.number);
  const connections: Metric = {
    name: 'connections',
    unit: '',
    tolerance: { share: 0.1, amount: 2 },
    sample: () => number(`(select count(*) from pg_stat_activity where application_name ~ '^durable-mcp')`),
  };
  const ofTables = tables.map(getTableName).flatMap((table): Metric[] => [
    {
      name: `rows of ${table}`,
      unit: '',
      // Sweeps come every 30 to 90 s, and a quarter of a run may hold one more than another.
      tolerance: { share: 0.3, amount: 200, perSession: 0.3 },
      kind: kept(`rows of ${table}`),
      sample: () => number(`(select count(*) from ${table})`),
    },
    {
      name: `size of ${table}`,
      unit: 'MiB',
      tolerance: { share: 0.3, amount: 1 },
      sample: async () => {
        // As autovacuum does, but at the same moments in every run: room that is not used again is what counts.
        await client.query(`vacuum ${table}`);
        return (await number(`pg_total_relation_size('${table}')`)) / 2 ** 20;
      },
    },
  ]);
  return { metrics: [connections, ...ofTables], close: () => client.end() };
}

async function dynamodbMetrics(endpoint: string): Promise<StoreMetrics> {
  const client = dynamodbClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    requestTimeoutMs: 20_000,
  });
  const tables = openTables(client, DEFAULT_TABLE_NAME);
  const metrics = [tables.sessionsTable, tables.eventsTable].map(
    (TableName): Metric => ({
      name: `items of ${TableName}`,
      unit: '',
      tolerance: { share: 0.2, amount: 100, perSession: 0.3 },
      kind: kept(`items of ${TableName}`),
      // Emulators keep what has expired, which DynamoDB removes by the attribute; what has none it keeps for ever.
      sample: async () => {
        let count = 0;
        let ExclusiveStartKey: Record<string, unknown> | undefined;
        do {
          const page = await tables.client.send(
            new ScanCommand({
              TableName,
              Select: 'COUNT',
              FilterExpression: 'attribute_not_exists(#ttl) or #ttl > :now',
              ExpressionAttributeNames: { '#ttl': TTL_ATTRIBUTE },
              ExpressionAttributeValues: { ':now': Math.floor(Date.now() / 1_000) },
              ExclusiveStartKey,
            }),
          );
          count += page.Count ?? 0;
          ExclusiveStartKey = page.LastEvaluatedKey;
        } while (ExclusiveStartKey !== undefined);
        return count;
      },
    }),
  );
  return { metrics, close: async () => client.destroy() };
}
