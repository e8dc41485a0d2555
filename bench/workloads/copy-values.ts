import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import pg from 'pg';
import { sessionRef } from '../../src/domain/session.ts';
import type { RunningContender } from '../contenders/contender.ts';

const TABLE = 'mcp-sessions';
/** DynamoDB's limit. */
const BATCH = 25;

/**
 * Copies the one value of a session to more keys of it, in the store itself, since ten thousand calls to each of
 * several sessions would take longer than the rest of the benchmark.
 *
 * @returns false where the contender's store cannot be reached from here
 */
export async function copyValues(
  contender: RunningContender,
  sessionId: string,
  from: string,
  keys: readonly string[],
): Promise<boolean> {
  const { databaseUrl, dynamodbUrl } = contender;
  const ref = sessionRef(sessionId);
  if (databaseUrl !== undefined) await copyRows(databaseUrl, ref, from, keys);
  else if (dynamodbUrl !== undefined) await copyItems(dynamodbUrl, ref, from, keys);
  else return false;
  return true;
}

async function copyRows(
  connectionString: string,
  ref: string,
  from: string,
  keys: readonly string[],
): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(
      `insert into mcp_session_values
       select copy.* from mcp_session_values original, unnest($3::text[]) as other(name),
         jsonb_populate_record(original, jsonb_build_object('key', other.name)) copy
       where original.session_ref = $1 and original.key = $2`,
      [ref, from, keys],
    );
    await client.query(
      'update mcp_sessions set value_count = value_count + $2, key_count = key_count + $2 where ref = $1',
      [ref, keys.length],
    );
    await client.query('analyze mcp_session_values');
  } finally {
    await client.end();
  }
}

async function copyItems(
  endpoint: string,
  ref: string,
  from: string,
  keys: readonly string[],
): Promise<void> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = DynamoDBDocumentClient.from(
    new DynamoDBClient({ endpoint, region: 'us-east-1', credentials }),
  );
  try {
    const sortKey = (key: string): string => `value#${key}`;
    const { Item: item } = await client.send(
      new GetCommand({ TableName: TABLE, Key: { pk: ref, sk: sortKey(from) }, ConsistentRead: true }),
    );
    if (item === undefined) throw new Error(`${from} was not found in ${TABLE}`);
    for (let at = 0; at < keys.length; at += BATCH) {
      const puts = keys.slice(at, at + BATCH).map((key) => ({
        PutRequest: { Item: { ...item, key, sk: sortKey(key) } },
      }));
      const { UnprocessedItems: left = {} } = await client.send(
        new BatchWriteCommand({ RequestItems: { [TABLE]: puts } }),
      );
      if (Object.keys(left).length > 0) throw new Error('the emulator did not write all that it was sent');
    }
    await client.send(
      new UpdateCommand({
        TableName: TABLE,
        Key: { pk: ref, sk: 'session' },
        UpdateExpression: 'ADD valueCount :count, keyCount :count',
        ExpressionAttributeValues: { ':count': keys.length },
      }),
    );
  } finally {
    client.destroy();
  }
}
