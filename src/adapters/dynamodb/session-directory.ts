import { isSamePrincipal, type Principal } from '../../domain/principal.ts';
import { isExpired, type Session, type SessionRef } from '../../domain/session.ts';
import type {
  SessionDirectory,
  SessionDirectoryPage,
  SessionDirectoryQuery,
  SessionPosition,
} from '../../ports/session-directory.ts';
import { batchGet } from './batches.ts';
import { type ListingItem, listingKey, sessionKey, type Tables } from './entities.ts';
import { domainError, inDomainErrors } from './errors.ts';
import type { CountPage } from './key-count.ts';
import { deleteKeys } from './partition.ts';
import { toSession } from './session-items.ts';
import { ownerOf } from './session-listings.ts';

/** As many items as one BatchGetItem returns. */
const LARGEST_PAGE = 100;
/** Before every session. */
const START: SessionPosition = { createdAt: 0, ref: '' as SessionRef };
/**
 * For how long after it was made a listing may precede its session, by whatever clocks. The session is not written
 * later than a request can be on its way: the rest is for clocks that differ, by more than AWS accepts.
 */
const WRITTEN_WITHIN_MS = 3_600_000;

/** The sessions of a principal in DynamoDB: one item each in a partition of its own, which tells where to look. */
export class DynamodbSessionDirectory implements SessionDirectory {
  readonly #tables: Tables;
  readonly #onError: (error: unknown) => void;

  constructor(tables: Tables, onError: (error: unknown) => void) {
    this.#tables = tables;
    this.#onError = onError;
  }

  list(principal: Principal, query: SessionDirectoryQuery, now: number): Promise<SessionDirectoryPage> {
    return inDomainErrors(() => this.#list(principal, query, now));
  }

  /**
   * One request where fewer than `most` are listed, gone or not. Only where it must be known which are gone, the
   * sessions are looked at.
   */
  count(principal: Principal, most: number, now: number): Promise<number> {
    return inDomainErrors(async () => {
      const listed = await this.#countListed(principal, most);
      if (listed < most) return listed;
      const { sessions } = await this.#list(principal, { limit: most }, now);
      return sessions.length;
    });
  }

  async #countListed(principal: Principal, most: number): Promise<number> {
    let listed = 0;
    let start: CountPage['LastEvaluatedKey'];
    do {
      const { data } = await this.#tables.listings.query.primary({ owner: ownerOf(principal) }).go({
        consistent: true,
        data: 'raw',
        params: { Select: 'COUNT', Limit: most - listed, ExclusiveStartKey: start },
      });
      const page = data as unknown as CountPage;
      listed += page.Count;
      start = page.LastEvaluatedKey;
    } while (start !== undefined && listed < most);
    return listed;
  }

  async #list(
    principal: Principal,
    { after = START, limit }: SessionDirectoryQuery,
    now: number,
  ): Promise<SessionDirectoryPage> {
    const live: Session[] = [];
    let cursor: string | null = null;
    // One more than asked for tells whether more follow. Where many are gone, large pages get past them.
    let pageSize = Math.min(limit + 1, LARGEST_PAGE);
    do {
      const page: { data: ListingItem[]; cursor: string | null } = await this.#tables.listings.query
        .primary({ owner: ownerOf(principal) })
        .gt({ createdAt: after.createdAt, ref: after.ref })
        .go({ consistent: true, limit: pageSize, cursor });
      const listed = await this.#listed(page.data, principal, now);
      live.push(...listed.filter((session) => !isExpired(session, now)));
      cursor = page.cursor;
      pageSize = LARGEST_PAGE;
    } while (cursor !== null && live.length <= limit);
    return { sessions: live.slice(0, limit), more: live.length > limit };
  }

  /** The sessions that the table holds of these listings, in their order. */
  async #listed(listings: readonly ListingItem[], principal: Principal, now: number): Promise<Session[]> {
    const sessions = await this.#read(listings);
    const listed: Session[] = [];
    const left: ListingItem[] = [];
    for (const listing of listings) {
      const session = sessions.get(listing.ref);
      // Not every listing of a session's reference is that session's.
      if (session?.createdAt === listing.createdAt && isSamePrincipal(session.principal, principal)) {
        listed.push(session);
      } else if (now - listing.createdAt > WRITTEN_WITHIN_MS) {
        left.push(listing);
      }
    }
    await this.#sweep(left);
    return listed;
  }

  async #read(listings: readonly ListingItem[]): Promise<ReadonlyMap<string, Session>> {
    if (listings.length === 0) return new Map();
    const { client, sessionsTable, sessions } = this.#tables;
    // Once each: a creation that met another session's reference leaves a second listing of it.
    const refs = new Set(listings.map(({ ref }) => ref));
    const keys = [...refs].map((ref) => sessionKey(this.#tables, ref));
    const items = await batchGet(client, sessionsTable, keys);
    const read = items.flatMap((Item) => sessions.parse({ Item }).data ?? []).map(toSession);
    return new Map(read.map((session) => [session.ref, session]));
  }

  /**
   * Deletes listings whose sessions DynamoDB has removed, or that never had one. They go by their TTL too, but that
   * is weeks after the session's: until then every list would look for them again.
   */
  async #sweep(listings: readonly ListingItem[]): Promise<void> {
    const keys = listings.map((listing) => listingKey(this.#tables, listing));
    await deleteKeys(this.#tables, this.#tables.sessionsTable, keys).catch((error: unknown) =>
      this.#onError(domainError(error)),
    );
  }
}
