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
  const behind = firstBehind(prefix);
  if (behind !== undefined && isBehind(from, behind)) return [];
  const ofSession = (to: string | undefined) => {
    const all = tables.values.query.primary({ ref });
    return to === undefined ? all.gte({ key: from }) : all.between({ key: from }, { key: to });
  };
  const found: ValueSummary[] = [];
  let start: ListPage['LastEvaluatedKey'];
  // DynamoDB counts marks of deleted keys against its limit and leaves them out afterwards: where there are
  // many, ever larger pages get past them. Two more than asked for: `after` itself, and the one that follows.
  let pageSize = limit + 2;
  do {
    const { data } = await ofSession(behind)
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
      if (key !== after && key.startsWith(prefix)) found.push({ key, version, updatedAt });
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

/**
 * A text behind all that begin with `prefix`; `undefined` if there is none, and values are the last items of their
 * partition. Not the last text that begins with it, and none that has U+10000 where the prefix has U+FFFF: an engine for
 * development checks the bounds of a query in the order of UTF-16, and takes those to be before others.
 */
function firstBehind(prefix: string): string | undefined {
  const start = prefix.replace(/[\uffff\u{10ffff}]+$/u, '');
  const last = [...start].at(-1);
  if (last === undefined) return undefined;
  const next = (last.codePointAt(0) as number) + 1;
  // Surrogates are no characters.
  return start.slice(0, -last.length) + String.fromCodePoint(next === 0xd800 ? 0xe000 : next);
}

/** In the byte order of UTF-8, which is that of DynamoDB's sort keys. */
function isBehind(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) > 0;
}
