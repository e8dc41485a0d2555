import {
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceNotFoundException,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { eventsTableName } from './entities.ts';

/** Both tables have the same key: the session's reference, and what it is of the session. */
export const KEY_SCHEMA = {
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'sk', AttributeType: 'S' },
  ],
} as const;

export const DEFAULT_TABLE_NAME = 'mcp-sessions';

/** Which two tables. */
export interface TableOptions {
  /** Stays the caller's. */
  readonly client: DynamoDBClient;
  /** Default: {@link DEFAULT_TABLE_NAME}. The events are in `{tableName}-events`. */
  readonly tableName?: string | undefined;
}

/** The table of sessions, and that of events. */
export function tableNames(tableName = DEFAULT_TABLE_NAME): readonly [string, string] {
  return [tableName, eventsTableName(tableName)];
}

/** `undefined` if there is no such table. */
export async function describeTable(
  client: DynamoDBClient,
  table: string,
  abortSignal?: AbortSignal,
): Promise<TableDescription | undefined> {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table }), {
      ...(abortSignal === undefined ? {} : { abortSignal }),
    });
    return Table;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/** True if the table's key is exactly that of ours. */
export function isOurs({ KeySchema = [], AttributeDefinitions = [] }: TableDescription): boolean {
  return (
    KeySchema.length === KEY_SCHEMA.KeySchema.length &&
    KEY_SCHEMA.KeySchema.every(({ AttributeName, KeyType }) =>
      KeySchema.some((key) => key.AttributeName === AttributeName && key.KeyType === KeyType),
    ) &&
    KEY_SCHEMA.AttributeDefinitions.every(({ AttributeName, AttributeType }) =>
      AttributeDefinitions.some(
        (attribute) => attribute.AttributeName === AttributeName && attribute.AttributeType === AttributeType,
      ),
    )
  );
}
