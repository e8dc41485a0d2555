// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are ElectroDB's
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { CustomAttributeType, createConversions, Entity, type EntityItem } from 'electrodb';
import type { ItemKey } from './batches.ts';
import { type Sender, unrepeated } from './unrepeated.ts';

/** The attribute by which DynamoDB removes an item, in both tables: Unix *seconds*. */
export const TTL_ATTRIBUTE = 'ttl';

/** Rounded up, so that DynamoDB never removes an item before the millisecond at which it expires. */
export function ttlOf(expiresAtMs: number): number {
  return Math.ceil(expiresAtMs / 1_000);
}

/** Sequences are zero-padded to 12 digits in sort keys, so that byte order is numeric order. */
export const MAX_SEQUENCE = 999_999_999_999;

export function eventsTableName(tableName: string): string {
  return `${tableName}-events`;
}

// `casing: 'none'` stands on every key part: the default lowercases keys, and 'key' and 'KEY' would be one item.
const pk = { field: 'pk', composite: ['ref'], template: '${ref}', casing: 'none' } as const;

function sessionEntity(client: Sender, table: string) {
  return new Entity(
    {
      model: { service: 'durable-mcp', entity: 'session', version: '1' },
      attributes: {
        ref: { type: 'string', required: true },
        issuer: { type: 'string' },
        subject: { type: 'string' },
        // As text, because DynamoDB nests maps 32 levels deep at most.
        initialize: { type: 'string' },
        protocolVersion: { type: 'string' },
        logLevel: { type: 'string' },
        subscriptions: { type: 'list', items: { type: 'string' }, required: true },
        createdAt: { type: 'number', required: true },
        lastSeenAt: { type: 'number', required: true },
        expiresAt: { type: 'number', required: true },
        endsAt: { type: 'number', required: true },
        idleMs: { type: 'number' },
        version: { type: 'number', required: true },
        /** Keys that hold a value; never fewer than there are, see `key-count.ts`. */
        valueCount: { type: 'number', required: true },
        /** Keys that ever held one. */
        keyCount: { type: 'number', required: true },
        /** When the counts were last raised, and when they were last compared with what is there. */
        countedAt: { type: 'number', required: true },
        recountedAt: { type: 'number', required: true },
        /** Names the last change of the counts, by which a place that was taken is known again. */
        countId: { type: 'string', required: true },
        /** Names the last guarded write, so that its sender knows it again. */
        writeId: { type: 'string', required: true },
        ttl: { type: 'number', required: true },
      },
      indexes: {
        primary: { pk, sk: { field: 'sk', composite: [], template: 'session', casing: 'none' } },
      },
    },
    { client, table },
  );
}

function valueEntity(client: Sender, table: string) {
  return new Entity(
    {
      model: { service: 'durable-mcp', entity: 'value', version: '1' },
      attributes: {
        ref: { type: 'string', required: true },
        key: { type: 'string', required: true },
        /** JSON text; absent on the mark of a deleted key. */
        json: { type: 'string' },
        /** Set on the mark that a deleted key leaves, so that its versions go on counting. */
        deleted: { type: 'boolean' },
        version: { type: 'number', required: true },
        updatedAt: { type: 'number', required: true },
        writeId: { type: 'string', required: true },
        ttl: { type: 'number', required: true },
      },
      indexes: {
        primary: {
          pk,
          // The key comes last and raw: the sort order is the byte order of its UTF-8 form.
          sk: { field: 'sk', composite: ['key'], template: 'value#${key}', casing: 'none' },
        },
      },
    },
    { client, table },
  );
}

/** Says that a session is its principal's, where a query finds it. */
function listingEntity(client: DynamoDBDocumentClient, table: string) {
  return new Entity(
    {
      model: { service: 'durable-mcp', entity: 'listing', version: '1' },
      attributes: {
        /** See `ownerOf` in `session-listings.ts`. */
        owner: { type: 'string', required: true },
        // As many digits as a JavaScript date can have, so that byte order is the order of time.
        createdAt: { type: 'number', required: true, padding: { length: 16, char: '0' } },
        ref: { type: 'string', required: true },
        ttl: { type: 'number', required: true },
      },
      indexes: {
        primary: {
          pk: { field: 'pk', composite: ['owner'], template: 'owner#${owner}', casing: 'none' },
          sk: {
            field: 'sk',
            composite: ['createdAt', 'ref'],
            template: 'session#${createdAt}#${ref}',
            casing: 'none',
          },
        },
      },
    },
    { client, table },
  );
}

/** How often an instance has beaten. */
function instanceEntity(client: DynamoDBDocumentClient, table: string) {
  return new Entity(
    {
      model: { service: 'durable-mcp', entity: 'instance', version: '1' },
      attributes: {
        id: { type: 'string', required: true },
        beats: { type: 'number', required: true },
        ttl: { type: 'number', required: true },
      },
      indexes: {
        primary: {
          // No session's reference has a '#' in it.
          pk: { field: 'pk', composite: ['id'], template: 'instance#${id}', casing: 'none' },
          sk: { field: 'sk', composite: [], template: 'instance', casing: 'none' },
        },
      },
    },
    { client, table },
  );
}

/** One append: the events `first` to `last` of a stream, visible as one item or not at all. */
function recordEntity(client: DynamoDBDocumentClient, table: string) {
  return new Entity(
    {
      model: { service: 'durable-mcp', entity: 'record', version: '1' },
      attributes: {
        ref: { type: 'string', required: true },
        stream: { type: 'string', required: true },
        first: { type: 'number', required: true, padding: { length: 12, char: '0' } },
        last: { type: 'number', required: true },
        /** The last event ends the stream. */
        end: { type: 'boolean', required: true },
        appendId: { type: 'string', required: true },
        /** One text per event, where they fit into the item together. */
        data: { type: 'list', items: { type: 'string' } },
        /** Else the number of part items, under `appendId`, that hold them. */
        parts: { type: 'number' },
        expiresAt: { type: 'number', required: true },
        ttl: { type: 'number', required: true },
      },
      indexes: {
        primary: {
          pk,
          sk: {
            field: 'sk',
            composite: ['stream', 'first'],
            template: 'event#${stream}#${first}',
            casing: 'none',
          },
        },
      },
    },
    { client, table },
  );
}

/** A piece of an append that is too large for one item; nothing shows it before a record points to it. */
function partEntity(client: DynamoDBDocumentClient, table: string) {
  return new Entity(
    {
      model: { service: 'durable-mcp', entity: 'part', version: '1' },
      attributes: {
        ref: { type: 'string', required: true },
        appendId: { type: 'string', required: true },
        part: { type: 'number', required: true, padding: { length: 4, char: '0' } },
        bytes: { type: CustomAttributeType<Uint8Array>('any'), required: true },
        ttl: { type: 'number', required: true },
      },
      indexes: {
        primary: {
          pk,
          sk: {
            field: 'sk',
            composite: ['appendId', 'part'],
            template: 'part#${appendId}#${part}',
            casing: 'none',
          },
        },
      },
    },
    { client, table },
  );
}

/** Both tables, opened. */
export interface Tables {
  readonly client: DynamoDBDocumentClient;
  readonly sessionsTable: string;
  readonly eventsTable: string;
  readonly sessions: ReturnType<typeof sessionEntity>;
  readonly values: ReturnType<typeof valueEntity>;
  readonly listings: ReturnType<typeof listingEntity>;
  readonly instances: ReturnType<typeof instanceEntity>;
  readonly records: ReturnType<typeof recordEntity>;
  readonly parts: ReturnType<typeof partEntity>;
  /** For writes whose second execution would undo, or count, what lies between. */
  readonly unrepeated: Pick<Tables, 'sessions' | 'values'>;
}

export type SessionItem = EntityItem<Tables['sessions']>;
export type ListingItem = EntityItem<Tables['listings']>;
export type ValueItem = EntityItem<Tables['values']>;
export type RecordItem = EntityItem<Tables['records']>;

export function openTables(dynamodb: DynamoDBClient, tableName: string): Tables {
  const client = DynamoDBDocumentClient.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } });
  const eventsTable = eventsTableName(tableName);
  const sender = unrepeated(client);
  return {
    client,
    sessionsTable: tableName,
    eventsTable,
    sessions: sessionEntity(client, tableName),
    values: valueEntity(client, tableName),
    listings: listingEntity(client, tableName),
    instances: instanceEntity(client, tableName),
    records: recordEntity(client, eventsTable),
    parts: partEntity(client, eventsTable),
    unrepeated: { sessions: sessionEntity(sender, tableName), values: valueEntity(sender, tableName) },
  };
}

export function sessionKey({ sessions }: Tables, ref: string): ItemKey {
  return createConversions(sessions).fromComposite.toKeys({ ref }) as unknown as ItemKey;
}

export function valueKey({ values }: Tables, ref: string, key: string): ItemKey {
  return createConversions(values).fromComposite.toKeys({ ref, key }) as unknown as ItemKey;
}

export function listingKey(
  { listings }: Tables,
  { owner, createdAt, ref }: Pick<ListingItem, 'owner' | 'createdAt' | 'ref'>,
): ItemKey {
  return createConversions(listings).fromComposite.toKeys({ owner, createdAt, ref }) as unknown as ItemKey;
}

export function recordKey(
  { records }: Tables,
  { ref, stream, first }: Pick<RecordItem, 'ref' | 'stream' | 'first'>,
): ItemKey {
  return createConversions(records).fromComposite.toKeys({ ref, stream, first }) as unknown as ItemKey;
}

export function partKey({ parts }: Tables, ref: string, appendId: string, part: number): ItemKey {
  return createConversions(parts).fromComposite.toKeys({ ref, appendId, part }) as unknown as ItemKey;
}
