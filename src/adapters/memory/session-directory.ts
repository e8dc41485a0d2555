import { isSamePrincipal, type Principal } from '../../domain/principal.ts';
import { isExpired, type Session } from '../../domain/session.ts';
import type {
  SessionDirectory,
  SessionDirectoryPage,
  SessionDirectoryQuery,
  SessionPosition,
} from '../../ports/session-directory.ts';
import { type MemoryData, sessionOf } from './data.ts';

/** The executable specification of the port. */
export class MemorySessionDirectory implements SessionDirectory {
  readonly #data: MemoryData;

  constructor(data: MemoryData) {
    this.#data = data;
  }

  async list(
    principal: Principal,
    { after, limit }: SessionDirectoryQuery,
    now: number,
  ): Promise<SessionDirectoryPage> {
    const following = this.#live(principal, now)
      .filter((session) => after === undefined || order(session, after) > 0)
      .sort(order);
    return { sessions: following.slice(0, limit), more: following.length > limit };
  }

  async count(principal: Principal, most: number, now: number): Promise<number> {
    return Math.min(this.#live(principal, now).length, most);
  }

  #live(principal: Principal, now: number): Session[] {
    return [...this.#data.sessions.values()]
      .map(sessionOf)
      .filter((session) => isSamePrincipal(session.principal, principal) && !isExpired(session, now));
  }
}

function order(a: SessionPosition, b: SessionPosition): number {
  return a.createdAt - b.createdAt || Buffer.compare(Buffer.from(a.ref), Buffer.from(b.ref));
}
