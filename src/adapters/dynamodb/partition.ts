import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { StoreUnavailable } from '../../domain/errors.ts';
import type { SessionRef } from '../../domain/session.ts';
import { batchDelete, type ItemKey } from './batches.ts';
import type { Tables } from './entities.ts';
import { inBatches } from './in-batches.ts';

const BATCH = 25;
const CONCURRENT_BATCHES = 8;
/** Writers that were on their way when the session went can add a little after each pass. */
const PASSES = 10;

/** Deletes all that the two tables hold of a session, whatever kind of item it is. */
export async function deletePartition(tables: Tables, ref: SessionRef): Promise<void> {
  await Promise.all([
    deleteAll(tables, tables.sessionsTable, ref),
    deleteAll(tables, tables.eventsTable, ref),
  ]);
}

async function deleteAll({ client }: Tables, table: string, ref: SessionRef): Promise<void> {
  for (let pass = 0; pass < PASSES; pass += 1) {
    let found = false;
    let start: ItemKey | undefined;
    do {
      const page = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': ref },
          ProjectionExpression: 'pk, sk',
          ConsistentRead: true,
          ExclusiveStartKey: start,
        }),
      );
      const keys = (page.Items ?? []) as ItemKey[];
      found ||= keys.length > 0;
      await deleteKeys({ client }, table, keys);
      start = page.LastEvaluatedKey as ItemKey | undefined;
    } while (start !== undefined);
    if (!found) return;
  }
  throw new StoreUnavailable({ cause: new Error(`${table} was written to while a session was deleted`) });
}

/** Deletes any number of items. */
export async function deleteKeys(
  { client }: Pick<Tables, 'client'>,
  table: string,
  keys: readonly ItemKey[],
): Promise<void> {
  const batches: ItemKey[][] = [];
  for (let at = 0; at < keys.length; at += BATCH) batches.push(keys.slice(at, at + BATCH));
  await inBatches(batches, CONCURRENT_BATCHES, (batch) => batchDelete(client, table, batch));
}
