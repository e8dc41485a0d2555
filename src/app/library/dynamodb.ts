/**
 * `durable-mcp/dynamodb`: sessions in two DynamoDB tables. Needs the packages `@aws-sdk/client-dynamodb`,
 * `@aws-sdk/lib-dynamodb` and `electrodb`.
 */

// First, so that where it is missing Node's error names this package, and not one further down.
import '@aws-sdk/client-dynamodb';

export {
  type ClientOptions as DynamodbClientOptions,
  dynamodbClient,
} from '../../adapters/dynamodb/client.ts';
export { type DynamodbStoreOptions, dynamodbStore } from '../../adapters/dynamodb/store.ts';
export { DEFAULT_TABLE_NAME, type TableOptions } from '../../adapters/dynamodb/table-schema.ts';
export { createTables, deleteTables, ForeignTable } from '../../adapters/dynamodb/tables.ts';
