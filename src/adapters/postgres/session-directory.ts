import type { Principal } from '../../domain/principal.ts';
import type { SessionRef } from '../../domain/session.ts';
import type {
  SessionDirectory,
  SessionDirectoryPage,
  SessionDirectoryQuery,
  SessionPosition,
} from '../../ports/session-directory.ts';
import type { Database } from './database.ts';
import { countSessions, listSessions } from './session-directory-statement.ts';
import { sessionOf } from './session-row.ts';

/** Before every session: a condition that may be absent would use no index in a prepared statement's plan. */
const START: SessionPosition = { createdAt: Number.NEGATIVE_INFINITY, ref: '' as SessionRef };

/** The sessions of a principal in PostgreSQL: an index on the sessions' table. */
export class PostgresSessionDirectory implements SessionDirectory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async list(
    { issuer, subject }: Principal,
    { after = START, limit }: SessionDirectoryQuery,
    now: number,
  ): Promise<SessionDirectoryPage> {
    const rows = await this.#database.run(listSessions, {
      issuer,
      subject,
      afterCreatedAt: after.createdAt,
      afterRef: after.ref,
      // One more than asked for tells whether more follow.
      limit: limit + 1,
      now,
    });
    return { sessions: rows.slice(0, limit).map(sessionOf), more: rows.length > limit };
  }

  async count({ issuer, subject }: Principal, most: number, now: number): Promise<number> {
    const [row] = await this.#database.run(countSessions, { issuer, subject, limit: most, now });
    return row?.count ?? 0;
  }
}
