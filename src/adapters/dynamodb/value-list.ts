import { KEY_BYTES } from '../../domain/limits.ts';
import type { LiveSession } from '../../domain/session.ts';
import type { ValueSummary } from '../../domain/value.ts';
import type { ValuePage, ValueQuery } from '../../ports/session-repository.ts';
import type { Tables } from './entities.ts';
import { assertStored } from './session-items.ts';

const LARGEST_PAGE = 1_000;

export async function listValues(
  tables: Tables,
  { ref }: LiveSession,
  query: ValueQuery,
  now: number,
): Promise<ValuePage> {
  const [, values] = await Promise.all([assertStored(tables, ref, now), collect(tables, ref, query)]);
  return { values: values.slice(0, query.limit), more: values.length > query.limit };
}

/** The page, and one more if there is one. */
async function collect(tables: Tables, ref: string, query: ValueQuery): Promise<ValueSummary[]> {
  const { prefix, after, limit } = query;
  // Not begins_with: it has no place for `after`, and one engine for development takes 'a' for 'A' there.
  const from = after !== undefined && isBehind(after, prefix) ? after : prefix;
  const to = lastWith(prefix);
  if (isBehind(from, to)) return [];
  const found: ValueSummary[] = [];
  let cursor: string | null = null;
  // DynamoDB counts marks of deleted keys against its limit and leaves them out afterwards: where there are
  // many, ever larger pages get past them. Two more than asked for: `after` itself, and the one that follows.
  let pageSize = limit + 2;
  do {
    const page: { data: ValueSummary[]; cursor: string | null } = await tables.values.query
      .primary({ ref })
      .between({ key: from }, { key: to })
      .where((item, { notExists }) => notExists(item.deleted))
      .go({
        consistent: true,
        cursor,
        limit: pageSize,
        attributes: ['key', 'version', 'updatedAt'],
        // The projection leaves out the attributes by which ElectroDB knows its items; the keys are enough.
        ignoreOwnership: true,
      });
    found.push(...page.data.filter(({ key }) => key !== after));
    cursor = page.cursor;
    pageSize = Math.min(pageSize * 2, LARGEST_PAGE);
  } while (cursor !== null && found.length <= limit);
  return found;
}

/** The greatest text that begins with `prefix` and is no longer than a key may be. */
function lastWith(prefix: string): string {
  return prefix + '\u{10ffff}'.repeat(Math.ceil((KEY_BYTES - Buffer.byteLength(prefix)) / 4));
}

/** In the byte order of UTF-8, which is that of DynamoDB's sort keys. */
function isBehind(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) > 0;
}
