import { dynamodbClient, dynamodbStore } from '../../adapters/dynamodb/store.ts';
import { createTables, deleteTables } from '../../adapters/dynamodb/tables.ts';
import type { DynamodbConfig } from '../store-config.ts';
import type { DynamodbPlace } from './find-dynamodb.ts';
import type { StoreAccess, StoreEvents } from './store-access.ts';

export function openDynamodb(
  { tableName }: DynamodbConfig,
  place: DynamodbPlace,
  events: StoreEvents,
): StoreAccess {
  const client = dynamodbClient(place.client);
  const store = dynamodbStore({ client, tableName, onError: events.onError });
  return {
    store,
    location: `tables ${tableName} and ${tableName}-events ${place.location}`,
    setupCommand: 'npm run setup:dynamodb',
    setUp: async () => {
      const { created } = await createTables({ client, tableName });
      return created.map((name) => `table ${name}`);
    },
    tearDown: async () => {
      const { deleted } = await deleteTables({ client, tableName });
      return deleted.map((name) => `table ${name}`);
    },
    close: async () => {
      await store.close();
      client.destroy();
      await place.leave();
    },
  };
}
