import { SessionNotFound, StoreUnavailable, StreamEnded } from '../../domain/errors.ts';
import type { LiveSession } from '../../domain/session.ts';
import type { EventAppend, EventLog, EventPage, EventQuery } from '../../ports/event-log.ts';
import type { Database } from './database.ts';
import { appendEvents, lastEventSequence, readEvents } from './event-statements.ts';

/** Streams in PostgreSQL. What each statement guarantees is told at the statement. */
export class PostgresEventLog implements EventLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async append({ ref }: LiveSession, append: EventAppend, now: number): Promise<number> {
    const { stream, data, end = false, expiresAt, keep } = append;
    const [row] = await this.#database.run(appendEvents, {
      ref,
      stream,
      data,
      count: data.length,
      end,
      expiresAt,
      keep,
      now,
    });
    if (row === undefined) throw new SessionNotFound();
    if (row.lastSequence === null) throw new StreamEnded();
    return row.lastSequence;
  }

  async read({ ref }: LiveSession, query: EventQuery, now: number): Promise<EventPage> {
    const { stream, after, limit } = query;
    const rows = await this.#database.run(readEvents, { ref, stream, after, limit, now });
    const [first] = rows;
    if (first === undefined) throw new SessionNotFound();
    // It may lag behind what was read before, which must not look as if that had been lost.
    if (first.isStandby) throw new StoreUnavailable({ cause: new Error('a standby was asked for events') });
    const events = rows.flatMap((row) =>
      row.sequence === null ? [] : [{ sequence: row.sequence, data: row.data, end: row.end }],
    );
    const begin = events[0]?.sequence ?? 0;
    return { events, gap: begin > after + 1 ? { from: after + 1, to: begin - 1 } : undefined };
  }

  async lastSequence({ ref }: LiveSession, stream: string, now: number): Promise<number> {
    const [row] = await this.#database.run(lastEventSequence, { ref, stream, now });
    if (row === undefined) throw new SessionNotFound();
    return row.sequence ?? 0;
  }
}
