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
/** After this a table that cannot be seen is created again: where it is there after all, DynamoDB says so then. */
const VISIBLE_WITHIN_MS = 500;
const LOOK_AGAIN_MS = [20, 50, 100, 250, 500, 1_000, 2_000] as const;

/** A table of this name is there, but is not one that this service made. */
export class ForeignTable extends Error {
  override readonly name = 'ForeignTable';

  constructor(table: string, problem: string) {
    super(`The DynamoDB table ${table} ${problem}. Nothing was changed: choose another table name.`);
  }
}

/** A table is gone again that was being set up: a teardown was under way, or came in between. */
class TableVanished extends Error {
  override readonly name = 'TableVanished';

  constructor(table: string) {
    super(`The DynamoDB table ${table} was deleted while it was being set up.`);
  }
}

/**
 * Creates what is missing (billed per request), switches TTL on, and resolves when both tables can be used. May
 * be run any number of times, also at once, and while a teardown runs, after which it begins anew. On DynamoDB it
 * takes about ten seconds, and gives up after 120 s of waiting for one table.
 *
 * @returns the tables that this call created
 * @throws ForeignTable, StoreUnavailable
 */
export function createTables({ client, tableName }: TableOptions): Promise<{ created: readonly string[] }> {
  return inDomainErrors(async () => {
    const names = tableNames(tableName);
    const created = new Set<string>();
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        await createMissing(client, names, created);
        return { created: names.filter((name) => created.has(name)) };
      } catch (error) {
        const vanished = error instanceof TableVanished || isAwsError(error, 'ResourceNotFoundException');
        if (!vanished || performance.now() > deadline) throw error;
      }
    }
  });
}

async function createMissing(
  client: DynamoDBClient,
  names: readonly string[],
  created: Set<string>,
): Promise<void> {
  await oursOrThrow(client, names);
  for (const name of names) if (await createTable(client, name)) created.add(name);
  for (const name of names) {
    await untilActive(client, name);
    await enableTtl(client, name);
  }
}

/**
 * Deletes both tables with all they hold, and resolves when they are gone; a setup that runs at the same time may
 * have made new ones by then. Deletes neither if one of them is not one that {@link createTables} would make.
 * Gives up after 120 s of waiting for one table.
 *
 * @returns the tables that this call deleted
 * @throws ForeignTable, StoreUnavailable
 */
export function deleteTables({ client, tableName }: TableOptions): Promise<{ deleted: readonly string[] }> {
  return inDomainErrors(async () => {
    const names = tableNames(tableName);
    await oursOrThrow(client, names);
    const ends: (EndOfTable & { readonly name: string })[] = [];
    for (const name of names) ends.push({ name, ...(await deleteTable(client, name)) });
    for (const { name, was } of ends) {
      await until(`${name} is deleted`, async () => {
        const table = await describeTable(client, name);
        return table === undefined || !isSameTable(table, was);
      });
    }
    return { deleted: ends.filter(({ deleted }) => deleted).map(({ name }) => name) };
  });
}

/** Tables that follow each other under one name differ in these. */
function isSameTable(table: TableDescription, other: TableDescription | undefined): boolean {
  return (
    table.TableId === other?.TableId &&
    table.CreationDateTime?.getTime() === other?.CreationDateTime?.getTime()
  );
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

/** @throws TableVanished */
async function untilActive(client: DynamoDBClient, name: string): Promise<void> {
  // A new table may not be seen yet: the description is eventually consistent.
  const visibleAt = performance.now() + VISIBLE_WITHIN_MS;
  let seen = false;
  await until(`${name} is active`, async () => {
    const table = await describeTable(client, name);
    const gone = table === undefined && (seen || performance.now() > visibleAt);
    if (gone || table?.TableStatus === 'DELETING') throw new TableVanished(name);
    seen ||= table !== undefined;
    return table?.TableStatus === 'ACTIVE' || table?.TableStatus === 'UPDATING';
  });
}

interface EndOfTable {
  /** False if there was none, or another run deletes it. */
  readonly deleted: boolean;
  /** The table that is to be gone, if there was one. */
  readonly was: TableDescription | undefined;
}

async function deleteTable(client: DynamoDBClient, name: string): Promise<EndOfTable> {
  let deleted = false;
  let was: TableDescription | undefined;
  await until(`${name} can be deleted`, async () => {
    const table = await describeTable(client, name);
    was = table;
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
  return { deleted, was };
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
