import type { LiveSession } from '../../domain/session.ts';
import type { EventAppend } from '../../ports/event-log.ts';
import { batchGet, type ItemKey } from './batches.ts';
import { partKey, type RecordItem, type Tables, ttlOf } from './entities.ts';
import { inBatches } from './in-batches.ts';

/** What fits into a record beside its keys and other attributes, of the 400 KB that an item holds. */
const INLINE_BYTES = 350 * 1024;
/** Each text costs a little more than its bytes. */
const BYTES_PER_TEXT = 8;
const PART_BYTES = 384 * 1024;
const CONCURRENT_PARTS = 4;
/** BatchGetItem answers at most 100 items. */
const READ_BATCH = 100;

/** Where the texts of an append are: in the record itself, or in parts. */
export type Payload = { readonly data: string[] } | { readonly parts: number };

/**
 * Makes the payload of a record. Where it is too large for one item it is stored as parts, which nothing
 * shows before the record is there; should the record never come, their TTL removes them.
 */
export async function storePayload(
  tables: Tables,
  { ref }: LiveSession,
  { data, expiresAt }: EventAppend,
  appendId: string,
): Promise<Payload> {
  const size = data.reduce((sum, text) => sum + Buffer.byteLength(text) + BYTES_PER_TEXT, 0);
  if (size <= INLINE_BYTES) return { data: [...data] };
  const bytes = Buffer.from(JSON.stringify(data));
  const parts: { part: number; bytes: Uint8Array }[] = [];
  for (let at = 0; at < bytes.length; at += PART_BYTES) {
    parts.push({ part: parts.length, bytes: bytes.subarray(at, at + PART_BYTES) });
  }
  await inBatches(parts, CONCURRENT_PARTS, (part) =>
    tables.parts.put({ ref, appendId, ttl: ttlOf(expiresAt), ...part }).go({ response: 'none' }),
  );
  return { parts: parts.length };
}

/** The texts of a record, or `undefined` if parts of it are gone: it was trimmed since it was read. */
export async function loadPayload(
  tables: Tables,
  record: Pick<RecordItem, 'ref' | 'appendId' | 'data' | 'parts'>,
): Promise<readonly string[] | undefined> {
  if (record.data !== undefined) return record.data;
  const keys = partKeys(tables, record);
  const bytes = new Map<string, Uint8Array>();
  for (let at = 0; at < keys.length; at += READ_BATCH) {
    const items = await batchGet(tables.client, tables.eventsTable, keys.slice(at, at + READ_BATCH));
    for (const item of items) bytes.set(item['sk'] as string, item['bytes'] as Uint8Array);
  }
  const parts = keys.map(({ sk }) => bytes.get(sk));
  if (!parts.every((part) => part !== undefined)) return undefined;
  return JSON.parse(Buffer.concat(parts).toString()) as string[];
}

export function partKeys(
  tables: Tables,
  { ref, appendId, parts = 0 }: Pick<RecordItem, 'ref' | 'appendId' | 'parts'>,
): ItemKey[] {
  return Array.from({ length: parts }, (_, part) => partKey(tables, ref, appendId, part));
}
