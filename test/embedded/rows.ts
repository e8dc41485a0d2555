import {
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ResourceInUseException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { Client } from 'pg';
import type { EngineKind } from '../../src/app/embedded/engine.ts';

/** Writes one value to an engine, making the table when it is missing. */
export function write(kind: EngineKind, url: string, value: string): Promise<void> {
  return kind === 'postgres' ? writeRow(url, value) : writeItem(url, value);
}

/** Reads that value back. */
export function read(kind: EngineKind, url: string): Promise<string | undefined> {
  return kind === 'postgres' ? readRow(url) : readItem(url);
}

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Runs one statement on a connection of its own. */
export async function query(url: string, sql: string): Promise<Record<string, unknown> | undefined> {
  return withClient(url, async (client) => (await client.query(sql)).rows[0]);
}

async function writeRow(url: string, value: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query('create table if not exists kept (id int primary key, value text)');
    await client.query('insert into kept values (1, $1) on conflict (id) do update set value = $1', [value]);
  });
}

async function readRow(url: string): Promise<string | undefined> {
  return (await query(url, 'select value from kept where id = 1'))?.['value'] as string | undefined;
}

async function withDynamo<T>(endpoint: string, use: (client: DynamoDBClient) => Promise<T>): Promise<T> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDBClient({ endpoint, region: 'local', credentials, maxAttempts: 1 });
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}

async function writeItem(url: string, value: string): Promise<void> {
  await withDynamo(url, async (client) => {
    await client
      .send(
        new CreateTableCommand({
          TableName: 'kept',
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        }),
      )
      .catch((error: unknown) => {
        if (!(error instanceof ResourceInUseException)) throw error;
      });
    await waitUntilTableExists(
      { client, maxWaitTime: 10, minDelay: 0.02, maxDelay: 0.1 },
      { TableName: 'kept' },
    );
    await client.send(
      new PutItemCommand({ TableName: 'kept', Item: { id: { S: '1' }, value: { S: value } } }),
    );
  });
}

async function readItem(url: string): Promise<string | undefined> {
  const found = await withDynamo(url, (client) =>
    client.send(new GetItemCommand({ TableName: 'kept', Key: { id: { S: '1' } }, ConsistentRead: true })),
  );
  return found.Item?.['value']?.S;
}
