import { BatchGetCommand, BatchWriteCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { StoreUnavailable } from '../../domain/errors.ts';
import { pause } from './pause.ts';

/** DynamoDB may leave out any part of a batch, without an error, when it is busy. */
const ATTEMPTS = 10;

export interface ItemKey {
  readonly pk: string;
  readonly sk: string;
}

export type RawItem = Readonly<Record<string, unknown>>;

/** At most 100 items of one table, in any order, by consistent reads; those that do not exist are left out. */
export async function batchGet(
  client: DynamoDBDocumentClient,
  table: string,
  keys: readonly ItemKey[],
): Promise<readonly RawItem[]> {
  const items: RawItem[] = [];
  let missing: ItemKey[] = [...keys];
  for (let attempt = 0; attempt < ATTEMPTS; ) {
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetCommand({ RequestItems: { [table]: { Keys: missing, ConsistentRead: true } } }),
    );
    const found = Responses?.[table] ?? [];
    items.push(...found);
    missing = (UnprocessedKeys?.[table]?.Keys ?? []) as ItemKey[];
    if (missing.length === 0) return items;
    // An answer that is full (16 MB; in dynalite, 1 MB) leaves keys out too, and that is no failed attempt.
    if (found.length > 0) continue;
    await pause(attempt);
    attempt += 1;
  }
  throw new StoreUnavailable({ cause: new Error(`${table} left ${missing.length} keys of a batch unread`) });
}

/** At most 25 items of one table. */
export async function batchDelete(
  client: DynamoDBDocumentClient,
  table: string,
  keys: readonly ItemKey[],
): Promise<void> {
  let requests = keys.map((Key) => ({ DeleteRequest: { Key } }));
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { UnprocessedItems } = await client.send(
      new BatchWriteCommand({ RequestItems: { [table]: requests } }),
    );
    requests = (UnprocessedItems?.[table] ?? []) as typeof requests;
    if (requests.length === 0) return;
    await pause(attempt);
  }
  throw new StoreUnavailable({ cause: new Error(`${table} left ${requests.length} deletions undone`) });
}
