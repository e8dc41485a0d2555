import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Store } from '../../ports/store.ts';
import { checkTables } from './check.ts';
import { openTables } from './entities.ts';
import { inDomainErrors } from './errors.ts';
import { DynamodbEventLog } from './event-log.ts';
import { DynamodbInstances } from './instances.ts';
import { DynamodbSessionDirectory } from './session-directory.ts';
import { DynamodbSessionRepository } from './session-repository.ts';
import { DynamodbSignals } from './signals.ts';
import { DEFAULT_TABLE_NAME } from './table-schema.ts';

export { type ClientOptions, dynamodbClient } from './client.ts';

export interface DynamodbStoreOptions {
  /** Stays the caller's: closing the store does not destroy it. */
  readonly client: DynamoDBClient;
  /** Default: `mcp-sessions`. The events are in `{tableName}-events`. */
  readonly tableName?: string | undefined;
  /** What went wrong where no caller waits: a poll, a trim, a count that could not be given back. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * A store on two DynamoDB tables, which `createTables` makes. Any client will do; {@link dynamodbClient} makes one
 * whose requests end in bounded time.
 *
 * @example
 * const client = dynamodbClient({ region: 'eu-central-1' });
 * await createTables({ client });
 * const store = dynamodbStore({ client });
 * await store.check();
 */
export function dynamodbStore({
  client,
  tableName = DEFAULT_TABLE_NAME,
  onError = () => {},
}: DynamodbStoreOptions): Store {
  const tables = openTables(client, tableName);
  const signals = new DynamodbSignals(tables, onError);
  return {
    name: 'dynamodb',
    sessions: new DynamodbSessionRepository(tables, onError),
    directory: new DynamodbSessionDirectory(tables, onError),
    events: new DynamodbEventLog(tables, onError),
    signals,
    instances: new DynamodbInstances(tables),
    check: () => inDomainErrors(() => checkTables({ client, tableName })),
    close: async () => signals.close(),
  };
}
