import { StreamEnded } from '../../domain/errors.ts';
import type { LiveSession } from '../../domain/session.ts';
import type { EventAppend, EventLog, EventPage, EventQuery } from '../../ports/event-log.ts';
import type { MemoryData, MemoryEvent } from './data.ts';

/** The executable specification of the port. */
export class MemoryEventLog implements EventLog {
  readonly #data: MemoryData;

  constructor(data: MemoryData) {
    this.#data = data;
  }

  async append(session: LiveSession, append: EventAppend, now: number): Promise<number> {
    const { streams } = this.#data.live(session, now);
    const events = streams.get(append.stream) ?? [];
    const last = events.at(-1);
    if (last?.end === true) throw new StreamEnded();
    let sequence = last?.sequence ?? 0;
    const final = sequence + append.data.length;
    const appended = append.data.map((data): MemoryEvent => {
      sequence += 1;
      return { sequence, data, end: append.end === true && sequence === final, expiresAt: append.expiresAt };
    });
    streams.set(append.stream, [...events, ...appended].slice(-append.keep));
    return final;
  }

  async read(session: LiveSession, query: EventQuery, now: number): Promise<EventPage> {
    const events = this.#kept(session, query.stream, now);
    const first = events.find((event) => event.sequence > query.after);
    return {
      events: events
        .filter((event) => event.sequence > query.after)
        .slice(0, query.limit)
        .map(({ sequence, data, end }) => ({ sequence, data, end })),
      gap:
        first !== undefined && first.sequence > query.after + 1
          ? { from: query.after + 1, to: first.sequence - 1 }
          : undefined,
    };
  }

  async lastSequence(session: LiveSession, stream: string, now: number): Promise<number> {
    return this.#kept(session, stream, now).at(-1)?.sequence ?? 0;
  }

  #kept(session: LiveSession, stream: string, now: number): readonly MemoryEvent[] {
    const events = this.#data.live(session, now).streams.get(stream) ?? [];
    return events.filter((event) => event.expiresAt > now);
  }
}
