import { dynamodbClient, dynamodbStore } from '../../adapters/dynamodb/store.ts';
import { createTables, deleteTables } from '../../adapters/dynamodb/tables.ts';
import type { DynamodbConfig } from '../store-config.ts';
import type { StoreAccess, StoreEvents } from './store-access.ts';

/** Emulators ask for credentials of the right form and look no further. */
const ANY_CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
const ANY_REGION = 'us-east-1';

export async function openDynamodb(config: DynamodbConfig, events: StoreEvents): Promise<StoreAccess> {
  const { tableName } = config;
  const place = await findDynamodb(config);
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

interface Place {
  readonly client: Parameters<typeof dynamodbClient>[0];
  readonly location: string;
  leave(): Promise<void>;
}

async function findDynamodb({ target, region }: DynamodbConfig): Promise<Place> {
  switch (target.kind) {
    case 'aws':
      return {
        client: region === undefined ? {} : { region },
        location: `in AWS${region === undefined ? '' : `, region ${region}`}`,
        leave: async () => {},
      };
    case 'endpoint':
      return {
        client: { endpoint: target.url, region: region ?? ANY_REGION, ...credentialsFor(target.url) },
        location: `at ${new URL(target.url).origin}`,
        leave: async () => {},
      };
    case 'embedded': {
      const { joinEngine } = await import('../embedded/engine.ts');
      const engine = await joinEngine({ kind: 'dynamodb', dataDir: target.dataDir });
      return {
        client: { endpoint: engine.url, region: ANY_REGION, credentials: ANY_CREDENTIALS },
        location: `of the embedded engine in ${target.dataDir}/dynamodb`,
        leave: () => engine.leave(),
      };
    }
  }
}

/** A local emulator needs no real credentials; anywhere else the AWS SDK's own chain finds them. */
function credentialsFor(endpoint: string): { credentials?: typeof ANY_CREDENTIALS } {
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(new URL(endpoint).hostname);
  const hasOwn = ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE'].some((name) => process.env[name]);
  return isLocal && !hasOwn ? { credentials: ANY_CREDENTIALS } : {};
}
