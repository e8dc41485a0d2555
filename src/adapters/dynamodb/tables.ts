import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  type TableDescription,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { TTL_ATTRIBUTE } from './entities.ts';
import { inDomainErrors, isAwsError } from './errors.ts';
import { describeTable, isOurs, KEY_SCHEMA, type TableOptions, tableNames } from './table-schema.ts';

/** DynamoDB makes a table in about ten seconds, and deletes one in about as many. */
const PATIENCE_MS = 120_000;
const LOOK_AGAIN_MS = [20, 50, 100, 250, 500, 1_000, 2_000] as const;

/** A table of this name is there, but is not one that this service made. */
export class ForeignTable extends Error {
  override readonly name = 'ForeignTable';

  constructor(table: string, problem: string) {
    super(`The DynamoDB table ${table} ${problem}. Nothing was changed: choose another table name.`);
  }
}

/**
 * Creates what is missing (billed per request), switches TTL on, and resolves when both tables can be used. May
 * be run any number of times, also at once. On DynamoDB it takes about ten seconds, and gives up after 120 s of
 * waiting for one table.
 *
 * @returns the tables that this call created
 * @throws ForeignTable, StoreUnavailable
 */
export function createTables({ client, tableName }: TableOptions): Promise<{ created: readonly string[] }> {
  return inDomainErrors(async () => {
    const names = tableNames(tableName);
    await oursOrThrow(client, names);
    const created: string[] = [];
    for (const name of names) if (await createTable(client, name)) created.push(name);
    for (const name of names) {
      await until(`${name} is active`, async () => {
        const table = await describeTable(client, name);
        return table?.TableStatus === 'ACTIVE' || table?.TableStatus === 'UPDATING';
      });
      await enableTtl(client, name);
    }
    return { created };
  });
}

/**
 * Deletes both tables with all they hold, and resolves when they are gone. Deletes neither if one of them is
 * not one that {@link createTables} would make. Gives up after 120 s of waiting for one table.
 *
 * @returns the tables that this call deleted
 * @throws ForeignTable, StoreUnavailable
 */
export function deleteTables({ client, tableName }: TableOptions): Promise<{ deleted: readonly string[] }> {
  return inDomainErrors(async () => {
    const names = tableNames(tableName);
    await oursOrThrow(client, names);
    const deleted: string[] = [];
    for (const name of names) if (await deleteTable(client, name)) deleted.push(name);
    for (const name of names) {
      await until(`${name} is deleted`, async () => (await describeTable(client, name)) === undefined);
    }
    return { deleted };
  });
}

async function oursOrThrow(client: DynamoDBClient, names: readonly string[]): Promise<void> {
  const tables = await Promise.all(names.map((name) => describeTable(client, name)));
  for (const [index, table] of tables.entries()) {
    if (table !== undefined && !isOurs(table)) {
      throw new ForeignTable(
        names[index] ?? '',
        `has the key ${keyOf(table)} instead of pk and sk (strings)`,
      );
    }
  }
}

function keyOf({ KeySchema = [] }: TableDescription): string {
  return KeySchema.map(({ AttributeName }) => AttributeName).join(', ');
}

/** @returns false if it is there already, or another run creates it */
async function createTable(client: DynamoDBClient, name: string): Promise<boolean> {
  let created = false;
  await until(`${name} can be created`, async () => {
    const table = await describeTable(client, name);
    if (table !== undefined) return table.TableStatus !== 'DELETING';
    try {
      await client.send(
        new CreateTableCommand({
          TableName: name,
          BillingMode: 'PAY_PER_REQUEST',
          KeySchema: [...KEY_SCHEMA.KeySchema],
          AttributeDefinitions: [...KEY_SCHEMA.AttributeDefinitions],
        }),
      );
      created = true;
    } catch (error) {
      if (!isAwsError(error, 'ResourceInUseException')) throw error;
    }
    return true;
  });
  return created;
}

/** @returns false if there is none, or another run deletes it */
async function deleteTable(client: DynamoDBClient, name: string): Promise<boolean> {
  let deleted = false;
  await until(`${name} can be deleted`, async () => {
    const table = await describeTable(client, name);
    if (table === undefined || table.TableStatus === 'DELETING') return true;
    try {
      await client.send(new DeleteTableCommand({ TableName: name }));
      deleted = true;
    } catch (error) {
      if (isAwsError(error, 'ResourceNotFoundException')) return true;
      if (isAwsError(error, 'ResourceInUseException')) return false;
      throw error;
    }
    return true;
  });
  return deleted;
}

async function enableTtl(client: DynamoDBClient, name: string): Promise<void> {
  if (await hasTtl(client, name)) return;
  try {
    await client.send(
      new UpdateTimeToLiveCommand({
        TableName: name,
        TimeToLiveSpecification: { AttributeName: TTL_ATTRIBUTE, Enabled: true },
      }),
    );
  } catch (error) {
    // dynalite, an engine for development, has no such operation; what has expired is hidden all the same.
    if (isAwsError(error, 'UnknownOperationException')) return;
    // Another run was first: DynamoDB calls that a ValidationException.
    if (isAwsError(error, 'ValidationException') && (await hasTtl(client, name))) return;
    throw error;
  }
}

async function hasTtl(client: DynamoDBClient, name: string): Promise<boolean> {
  const { TimeToLiveDescription: ttl } = await client.send(
    new DescribeTimeToLiveCommand({ TableName: name }),
  );
  if (ttl?.TimeToLiveStatus !== 'ENABLED' && ttl?.TimeToLiveStatus !== 'ENABLING') return false;
  if (ttl.AttributeName !== TTL_ATTRIBUTE) {
    throw new ForeignTable(name, `has its TTL on ${ttl.AttributeName} instead of ${TTL_ATTRIBUTE}`);
  }
  return true;
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let look = 0; !(await condition()); look += 1) {
    if (performance.now() > deadline)
      throw new Error(`DynamoDB took longer than ${PATIENCE_MS} ms until ${what}`);
    const delay = LOOK_AGAIN_MS[Math.min(look, LOOK_AGAIN_MS.length - 1)];
    await new Promise((resolve) => setTimeout(resolve, delay));
  }
}
