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
  let start: ListPage['LastEvaluatedKey'];
  // DynamoDB counts marks of deleted keys against its limit and leaves them out afterwards: where there are
  // many, ever larger pages get past them. Two more than asked for: `after` itself, and the one that follows.
  let pageSize = limit + 2;
  do {
    const { data } = await tables.values.query
      .primary({ ref })
      .between({ key: from }, { key: to })
      .where((item, { notExists }) => notExists(item.deleted))
      .go({
        consistent: true,
        limit: pageSize,
        attributes: ['key', 'version', 'updatedAt'],
        // Raw, because ElectroDB drops items whose key it cannot take apart, such as one with U+2028 in it.
        data: 'raw',
        params: { ExclusiveStartKey: start },
      });
    const page = data as unknown as ListPage;
    for (const { key, version, updatedAt } of page.Items) {
      if (key !== after) found.push({ key, version, updatedAt });
    }
    start = page.LastEvaluatedKey;
    pageSize = Math.min(pageSize * 2, LARGEST_PAGE);
  } while (start !== undefined && found.length <= limit);
  return found;
}

/** What DynamoDB answers to a query. */
interface ListPage {
  readonly Items: readonly ValueSummary[];
  readonly LastEvaluatedKey?: object | undefined;
}

/** The greatest text that begins with `prefix` and is no longer than a key may be. */
function lastWith(prefix: string): string {
  return prefix + '\u{10ffff}'.repeat(Math.ceil((KEY_BYTES - Buffer.byteLength(prefix)) / 4));
}

/** In the byte order of UTF-8, which is that of DynamoDB's sort keys. */
function isBehind(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) > 0;
}
