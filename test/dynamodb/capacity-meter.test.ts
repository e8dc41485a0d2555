import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { afterAll, describe, expect, it } from 'vitest';
import { CapacityMeter } from '../support/capacity-meter.ts';
import { type DynamodbFixture, engineClient } from '../support/dynamodb.ts';
import { type DynamodbEngine, ENGINES_HERE } from '../support/dynamodb-engines.ts';
import { intercept } from '../support/dynamodb-requests.ts';
import { onDynamodb } from '../support/dynamodb-tests.ts';

const KB = 1_024;

/**
 * DynamoDB's rules, of which the page on costs is made. Catches: an engine that counts otherwise than DynamoDB, in a
 * place where the meter takes its word.
 */
describe.each(ENGINES_HERE)('what a request is charged (%s)', (_, startEngine) => {
  let engine: DynamodbEngine;
  let fixture: DynamodbFixture;
  let unmetered: DynamoDBClient;
  let meter: CapacityMeter;
  let client: DynamoDBDocumentClient;
  let TableName: string;

  onDynamodb((...given) => {
    [fixture, engine] = given;
    TableName = fixture.tableName;
    unmetered = engineClient(engine);
    meter = new CapacityMeter(fixture.client, unmetered);
    client = DynamoDBDocumentClient.from(fixture.client);
  }, startEngine);
  afterAll(() => unmetered?.destroy());

  const units = async (operation: () => Promise<unknown>): Promise<number[]> =>
    (await meter.of(operation)).map(({ readUnits, writeUnits }) => readUnits + writeUnits);
  const keyOf = (sk: string) => ({ pk: 'p', sk });
  /** An item of exactly `size` bytes: names and values together. */
  const put = (sk: string, size: number) => {
    const rest = 'pk'.length + 'p'.length + 'sk'.length + sk.length + 'x'.length;
    return client.send(new PutCommand({ TableName, Item: { ...keyOf(sk), x: '-'.repeat(size - rest) } }));
  };
  const get = (sk: string, ConsistentRead: boolean) =>
    client.send(new GetCommand({ TableName, Key: keyOf(sk), ConsistentRead }));
  const query = (from: string, to: string, ConsistentRead: boolean) =>
    client.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :pk and sk between :sk1 and :sk2',
        ExpressionAttributeValues: { ':pk': 'p', ':sk1': from, ':sk2': to },
        ProjectionExpression: 'sk',
        ConsistentRead,
      }),
    );
  const update = (sk: string, x: string, ConditionExpression?: string) =>
    client.send(
      new UpdateCommand({
        TableName,
        Key: keyOf(sk),
        UpdateExpression: 'set x = :x',
        ExpressionAttributeValues: { ':x': x },
        ...(ConditionExpression === undefined ? {} : { ConditionExpression }),
      }),
    );

  it('a write: each KB of the item, begun ones included', async () => {
    expect(await units(() => put('w', KB))).toEqual([1]);
    expect(await units(() => put('w', KB + 1))).toEqual([2]);
  });

  it('a write over an item, and its deletion: the larger of what was and what is', async () => {
    await put('o', 3 * KB);
    expect(await units(() => put('o', 100))).toEqual([3]);
    await put('o', 3 * KB);
    expect(await units(() => update('o', 'short'))).toEqual([3]);
    await put('o', 3 * KB);
    expect(await units(() => client.send(new DeleteCommand({ TableName, Key: keyOf('o') })))).toEqual([3]);
    expect(await units(() => client.send(new DeleteCommand({ TableName, Key: keyOf('o') })))).toEqual([1]);
  });

  it('a consistent read: each 4 KB of the item, and half of that where it need not be', async () => {
    await put('r', 4 * KB);
    expect(await units(() => get('r', true))).toEqual([1]);
    expect(await units(() => get('r', false))).toEqual([0.5]);
    await put('r', 4 * KB + 1);
    expect(await units(() => get('r', true))).toEqual([2]);
    expect(await units(() => get('r', false))).toEqual([1]);
    expect(await units(() => get('none', true))).toEqual([1]);
  });

  it('a batch: each item by itself', async () => {
    await put('b1', 100);
    await put('b2', 4 * KB + 1);
    const Keys = ['b1', 'b2', 'none'].map(keyOf);
    const read = new BatchGetCommand({ RequestItems: { [TableName]: { Keys, ConsistentRead: true } } });
    expect(await units(() => client.send(read))).toEqual([1 + 2 + 1]);
    const requests = Keys.map((Key) => ({ DeleteRequest: { Key } }));
    const write = new BatchWriteCommand({ RequestItems: { [TableName]: requests } });
    expect(await units(() => client.send(write))).toEqual([1 + 5 + 1]);
  });

  it('a query: all that it looks at together, shown or not, and one item at least', async () => {
    for (const index of [1, 2, 3]) await put(`q${index}`, 3 * KB);
    expect(await units(() => query('q1', 'q3', true))).toEqual([3]);
    expect(await units(() => query('q1', 'q3', false))).toEqual([1.5]);
    expect(await units(() => query('z1', 'z3', true))).toEqual([1]);
    expect(await units(() => query('z1', 'z3', false))).toEqual([0.5]);
  });

  it('a write that is refused: the item that is there, whatever was to be written', async () => {
    await put('c', 3 * KB);
    const refused = () => expect(update('c', 'new', 'attribute_not_exists(pk)')).rejects.toThrow();
    expect(await units(refused)).toEqual([3]);
    // It was looked at by a write that changes nothing.
    expect((await get('c', true)).Item?.['x']).toHaveLength(3 * KB - 'pkpskcx'.length);
    const missing = () =>
      expect(update('none', 'x'.repeat(3 * KB), 'attribute_exists(pk)')).rejects.toThrow();
    expect(await units(missing)).toEqual([1]);
    expect((await get('none', true)).Item).toBeUndefined();
  });

  // Catches: a figure that an engine does not give, taken for nothing.
  it('is told by the engine, or it is an error', async () => {
    const other = engineClient(engine);
    const strict = new CapacityMeter(other, unmetered);
    intercept(other, async (_sent, next) => ({ ...(await next()), ConsumedCapacity: undefined }));
    const read = new GetCommand({ TableName, Key: keyOf('r'), ConsistentRead: true });
    await expect(strict.of(() => DynamoDBDocumentClient.from(other).send(read))).rejects.toThrow(
      'the engine does not say',
    );
    other.destroy();
  });
});
