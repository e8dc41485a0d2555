import {
  ConditionalCheckFailedException,
  type ConsumedCapacity,
  type DynamoDBClient,
  type ServiceOutputTypes,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { ItemKey } from '../../src/adapters/dynamodb/batches.ts';
import { intercept, type Next, type Sent } from './dynamodb-requests.ts';

/** One request, and what it was charged. */
export interface Charge {
  /** As `UpdateItem`. */
  readonly action: string;
  /** The partition that it was for, where it was for one. */
  readonly partition: string | undefined;
  /** Where a query within it begins. */
  readonly sortKey: string | undefined;
  /** Of a read of one partition. */
  readonly isConsistent: boolean;
  readonly readUnits: number;
  readonly writeUnits: number;
}

/** What is looked at of a request of the document client, of whatever action. */
interface Input {
  readonly TableName?: string;
  readonly Key?: Partial<ItemKey>;
  readonly Item?: Partial<ItemKey>;
  readonly ConsistentRead?: boolean;
  readonly ExpressionAttributeValues?: { readonly ':pk'?: string; readonly ':sk1'?: string };
  ReturnConsumedCapacity?: 'TOTAL';
}

const READS: ReadonlySet<string> = new Set(['GetItem', 'BatchGetItem', 'Query', 'Scan']);
/** How often the event loop must turn without a request before nothing is taken to be on its way any more. */
const QUIET_TURNS = 25;

/**
 * What a client's requests are charged: as the engine says by `ReturnConsumedCapacity`, and where that says nothing or
 * is wrong, as DynamoDB's documentation does ("DynamoDB read and write operations", "Working with items").
 */
export class CapacityMeter {
  readonly charges: Charge[] = [];
  readonly #unmetered: DynamoDBClient;
  readonly #underWay = new Set<Promise<unknown>>();

  /** @param unmetered another client of the same engine, to look at items with */
  constructor(metered: DynamoDBClient, unmetered: DynamoDBClient) {
    this.#unmetered = unmetered;
    intercept(metered, (sent, next) => {
      const request = this.#meter(sent, next);
      this.#underWay.add(request);
      return request.finally(() => this.#underWay.delete(request));
    });
  }

  /** What `operation` is charged, and all that it has set going. */
  async of(operation: () => Promise<unknown>): Promise<Charge[]> {
    await this.quiet();
    const before = this.charges.length;
    await operation();
    await this.quiet();
    return this.charges.slice(before);
  }

  /** Resolves when no request is under way and none follows. */
  async quiet(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS; turns += 1) {
      if (this.#underWay.size > 0) {
        await Promise.allSettled(this.#underWay);
        turns = 0;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #meter(sent: Sent, next: Next): Promise<ServiceOutputTypes> {
    const { action } = sent;
    const input = sent.input as Input;
    input.ReturnConsumedCapacity = 'TOTAL';
    try {
      const output = await next();
      this.#charge(action, input, unitsOf(action, input, output));
      return output;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) {
        this.#charge(action, input, await this.#unitsOfRefusedWrite(input));
      }
      throw error;
    }
  }

  #charge(action: string, input: Input, units: number): void {
    const isRead = READS.has(action);
    this.charges.push({
      action,
      partition: partitionOf(input),
      sortKey: input.ExpressionAttributeValues?.[':sk1'],
      isConsistent: input.ConsistentRead === true,
      readUnits: isRead ? units : 0,
      writeUnits: isRead ? 0 : units,
    });
  }

  /**
   * A write whose condition does not hold is charged by the size of the item that is there, and one unit if there is
   * none. No engine tells that, but a write that changes nothing is charged the same.
   */
  async #unitsOfRefusedWrite({ TableName, Key, Item: item }: Input): Promise<number> {
    const { pk, sk } = (Key ?? item) as ItemKey;
    try {
      const { ConsumedCapacity: consumed } = await this.#unmetered.send(
        new UpdateItemCommand({
          TableName,
          Key: { pk: { S: pk }, sk: { S: sk } },
          ConditionExpression: 'attribute_exists(pk)',
          ReturnConsumedCapacity: 'TOTAL',
        }),
      );
      return sumOf(consumed);
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return 1;
      throw error;
    }
  }
}

function unitsOf(action: string, input: Input, output: ServiceOutputTypes): number {
  const units = sumOf(
    (output as { ConsumedCapacity?: ConsumedCapacity | ConsumedCapacity[] }).ConsumedCapacity,
  );
  // dynalite charges nothing for a query that finds nothing; DynamoDB charges as for the smallest item.
  return action === 'Query' ? Math.max(units, input.ConsistentRead === true ? 1 : 0.5) : units;
}

/** @throws if the engine did not say what it was asked for: a missing figure is no zero */
function sumOf(consumed: ConsumedCapacity | readonly ConsumedCapacity[] | undefined): number {
  const tables = consumed === undefined ? [] : [consumed].flat();
  if (tables.length === 0) throw new Error('the engine does not say what a request consumed');
  return tables.reduce((sum, { CapacityUnits }) => {
    if (CapacityUnits === undefined)
      throw new Error('the engine does not say how many units a table consumed');
    return sum + CapacityUnits;
  }, 0);
}

function partitionOf({ Key, Item: item, ExpressionAttributeValues }: Input): string | undefined {
  return (Key ?? item)?.pk ?? ExpressionAttributeValues?.[':pk'];
}
