import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  ListTablesCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dynamodbStore } from '../../src/adapters/dynamodb/store.ts';
import { createTables, deleteTables, ForeignTable } from '../../src/adapters/dynamodb/tables.ts';
import { StoreNotSetUp } from '../../src/domain/errors.ts';
import { outcomes, times } from '../contract/fixtures.ts';
import { engineClient, randomTableName } from '../support/dynamodb.ts';
import {
  type DynamodbEngine,
  dynoxideMissing,
  startDynalite,
  startDynoxide,
} from '../support/dynamodb-engines.ts';
import { intercept, serviceError } from '../support/dynamodb-requests.ts';

const engines: [string, () => Promise<DynamodbEngine>, { ttl: boolean }][] = [
  ['dynalite', startDynalite, { ttl: false }],
];
if (dynoxideMissing() === undefined) engines.push(['dynoxide', startDynoxide, { ttl: true }]);

describe.each(engines)('setting up and tearing down (%s)', (_, startEngine, supports) => {
  let engine: DynamodbEngine;
  let client: DynamoDBClient;
  /** For what nobody is to intercept. */
  let inspect: DynamoDBClient;
  let tableName: string;
  let both: string[];

  const tables = async (): Promise<string[]> => {
    const { TableNames = [] } = await client.send(new ListTablesCommand({}));
    return TableNames.filter((name) => name.startsWith(tableName)).toSorted();
  };
  const createForeign = (TableName: string, keys: [string, string][] = [['id', 'S']]) =>
    client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: keys.map(
          ([AttributeName], index): KeySchemaElement => ({
            AttributeName,
            KeyType: index === 0 ? 'HASH' : 'RANGE',
          }),
        ),
        AttributeDefinitions: keys.map(([AttributeName, type]) => ({
          AttributeName,
          AttributeType: type as 'S' | 'N',
        })),
      }),
    );

  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine?.stop());
  beforeEach(() => {
    client = engineClient(engine);
    inspect = engineClient(engine);
    tableName = randomTableName();
    both = [tableName, `${tableName}-events`];
  });
  afterEach(() => {
    client.destroy();
    inspect.destroy();
  });

  it('creates both tables, on demand, and nothing the second time', async () => {
    expect(await createTables({ client, tableName })).toEqual({ created: both });
    expect(await tables()).toEqual(both);
    expect(await createTables({ client, tableName })).toEqual({ created: [] });
    for (const TableName of both) {
      const { Table } = await client.send(new DescribeTableCommand({ TableName }));
      expect(Table).toMatchObject({ TableStatus: 'ACTIVE' });
      expect(Table?.BillingModeSummary?.BillingMode ?? 'PAY_PER_REQUEST').toBe('PAY_PER_REQUEST');
    }
    await dynamodbStore({ client, tableName }).check();
  });

  it('creates the one that is missing', async () => {
    await createForeign(both[1] as string, [
      ['pk', 'S'],
      ['sk', 'S'],
    ]);
    expect(await createTables({ client, tableName })).toEqual({ created: [tableName] });
  });

  it.runIf(supports.ttl)('switches TTL on, also where a run ended before it did', async () => {
    await createForeign(tableName, [
      ['pk', 'S'],
      ['sk', 'S'],
    ]);
    await createTables({ client, tableName });
    for (const TableName of both) {
      const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
      expect(TimeToLiveDescription).toMatchObject({ AttributeName: 'ttl', TimeToLiveStatus: 'ENABLED' });
    }
  });

  it.runIf(supports.ttl)('refuses a table whose TTL is on another attribute', async () => {
    await createForeign(tableName, [
      ['pk', 'S'],
      ['sk', 'S'],
    ]);
    const TimeToLiveSpecification = { AttributeName: 'expiry', Enabled: true };
    await client.send(new UpdateTimeToLiveCommand({ TableName: tableName, TimeToLiveSpecification }));
    await expect(createTables({ client, tableName })).rejects.toThrow(/TTL on expiry instead of ttl/);
  });

  // Catches: a failure to switch TTL on that is passed over, so that nothing is ever removed.
  it('does not pass over an error of the TTL’s', async () => {
    intercept(client, async (sent, next) => {
      if (sent.action === 'UpdateTimeToLive') throw serviceError('ValidationException');
      return next();
    });
    await expect(createTables({ client, tableName })).rejects.toThrow('ValidationException');
  });

  // Catches: ResourceInUseException where two deployments start at once.
  it('may be run five times at once; each table is created by one of them', async () => {
    const { values, errors } = await outcomes(times(5, () => createTables({ client, tableName })));
    expect(errors).toEqual([]);
    expect(values.flatMap(({ created }) => created).toSorted()).toEqual(both);
    const torn = await outcomes(times(5, () => deleteTables({ client, tableName })));
    expect(torn.errors).toEqual([]);
    // dynalite lets several runs delete one table; on DynamoDB one of them does.
    expect(new Set(torn.values.flatMap(({ deleted }) => deleted))).toEqual(new Set(both));
    expect(await tables()).toEqual([]);
  });

  // Catches: a setup that waits two minutes for a table that a teardown has deleted, and a teardown that waits as
  // long until a table is gone that a setup has made anew.
  it('may be run while it is torn down, and the other way round; all succeed, and what is left can be set up', async () => {
    const { errors } = await outcomes(
      times(8, (index): Promise<unknown> => (index % 2 ? createTables : deleteTables)({ client, tableName })),
    );
    expect(errors).toEqual([]);
    await createTables({ client, tableName });
    await dynamodbStore({ client, tableName }).check();
  });

  it.each([
    ['creates the table again that a teardown deleted', 'ACTIVE'],
    ['creates the table again that was being deleted', 'DELETING'],
  ])('%s meanwhile', async (_, status) => {
    const looks: unknown[] = [];
    intercept(client, async (sent, next) => {
      if (sent.action === 'DescribeTable' && 'TableName' in sent.input && sent.input.TableName === both[0]) {
        looks.push(sent.input);
        // The third is the first after its creation, at whether it can be used.
        if (looks.length === 3) {
          if (status === 'DELETING') return { Table: { TableName: both[0], TableStatus: status } } as never;
          await inspect.send(new DeleteTableCommand({ TableName: both[0] }));
        }
      }
      return next();
    });
    expect(await createTables({ client, tableName })).toEqual({ created: both });
    expect(await tables()).toEqual(both);
  });

  it.each([
    ['another key', [['id', 'S']]],
    [
      'a number for the sort key',
      [
        ['pk', 'S'],
        ['sk', 'N'],
      ],
    ],
    ['no sort key', [['pk', 'S']]],
  ] as [string, [string, string][]][])(
    'refuses a table that has %s, and creates nothing',
    async (_, keys) => {
      await createForeign(both[1] as string, keys);
      await expect(createTables({ client, tableName })).rejects.toThrow(ForeignTable);
      await expect(createTables({ client, tableName })).rejects.toThrow(both[1] as string);
      expect(await tables()).toEqual([both[1]]);
    },
  );

  it('deletes both tables, and nothing the second time', async () => {
    await createTables({ client, tableName });
    expect(await deleteTables({ client, tableName })).toEqual({ deleted: both });
    expect(await tables()).toEqual([]);
    expect(await deleteTables({ client, tableName })).toEqual({ deleted: [] });
    await expect(dynamodbStore({ client, tableName }).check()).rejects.toThrow(StoreNotSetUp);
  });

  it.each([0, 1])('deletes table %i where it is the only one there', async (index) => {
    const name = both[index] as string;
    await createForeign(name, [
      ['pk', 'S'],
      ['sk', 'S'],
    ]);
    expect(await deleteTables({ client, tableName })).toEqual({ deleted: [name] });
    expect(await tables()).toEqual([]);
  });

  // Catches: somebody else's data deleted by a wrong table name; also one of ours, before that is noticed.
  it.each([0, 1])('deletes nothing where table %i is not ours', async (index) => {
    await createForeign(both[index] as string);
    await createForeign(both[1 - index] as string, [
      ['pk', 'S'],
      ['sk', 'S'],
    ]);
    await expect(deleteTables({ client, tableName })).rejects.toThrow(ForeignTable);
    expect(await tables()).toEqual(both);
  });

  it('is asked for by name where the check meets a missing or a foreign table', async () => {
    const { check } = dynamodbStore({ client, tableName });
    await expect(check()).rejects.toThrow(/npm run setup:dynamodb/);
    await createForeign(both[1] as string);
    await expect(check()).rejects.toThrow(StoreNotSetUp);
    await createForeign(tableName);
    await expect(check()).rejects.toThrow(/another key/);
  });
});
