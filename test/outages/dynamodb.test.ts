import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type ClientOptions, dynamodbClient } from '../../src/adapters/dynamodb/client.ts';
import { dynamodbStore } from '../../src/adapters/dynamodb/store.ts';
import { createTables } from '../../src/adapters/dynamodb/tables.ts';
import type { Store } from '../../src/ports/store.ts';
import { randomTableName } from '../support/dynamodb.ts';
import { startDynalite } from '../support/dynamodb-engines.ts';
import { type RequestFate, startDynamodbFaults } from '../support/dynamodb-faults.ts';
import { type OutageLab, outageSuite } from './outage.suite.ts';

const inTurn = (...fates: readonly RequestFate[]) => {
  return (_: string, attempt: number): RequestFate => fates[attempt % fates.length] as RequestFate;
};

/** What becomes of each attempt of a request. */
const FATES: Readonly<Record<string, (action: string, attempt: number) => RequestFate>> = {
  'DynamoDB is overloaded': inTurn('throughput', 'throttled', 'failed'),
  'DynamoDB does not answer, or not to the end': inTurn('silent', 'halved'),
  'writes are made, and their answers are lost': (action) => {
    if (/^(Update|Put)Item$/.test(action)) return 'lost';
    return action === 'DescribeTable' ? 'reset' : 'passed';
  },
};

/** So that a store that hangs is given up within an outage; by default it is ten times that. */
const REQUEST_TIMEOUT_MS = 500;
/** Three attempts, with the pauses between them; the rest is this machine's. */
const BOUND_MS = 10_000;

async function makeLab(): Promise<OutageLab> {
  const engine = await startDynalite();
  const faults = await startDynamodbFaults(engine.endpoint as string);
  const tableName = randomTableName();
  const stores: Store[] = [];
  const clients: DynamoDBClient[] = [];
  const newClient = (options: ClientOptions): DynamoDBClient => {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const client = dynamodbClient({ region: 'us-east-1', credentials, ...options });
    clients.push(client);
    return client;
  };
  await createTables({ client: newClient({ endpoint: engine.endpoint }), tableName });
  return {
    harness: {
      open: async () => {
        const client = newClient({ endpoint: faults.endpoint, requestTimeoutMs: REQUEST_TIMEOUT_MS });
        const store = dynamodbStore({ client, tableName });
        stores.push(store);
        return store;
      },
      close: async () => {
        for (const store of stores) await store.close();
        for (const client of clients) client.destroy();
        await faults.close();
        await engine.stop();
      },
    },
    outages: Object.entries(FATES).map(([name, fate]) => ({
      name,
      begin: () => {
        let attempts = 0;
        faults.fate = (action) => {
          attempts += 1;
          return fate(action, attempts);
        };
      },
      end: () => {
        faults.fate = () => 'passed';
      },
      seen: 'errors',
    })),
    boundMs: BOUND_MS,
  };
}

outageSuite('DynamoDB', 'dynamodb', Object.keys(FATES), makeLab);
