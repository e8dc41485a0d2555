import { LRUCache } from 'lru-cache';
import type { Session, SessionRef } from '../../../domain/session.ts';
import type { SessionState } from '../../../domain/session-state.ts';
import { type ServerFactory, SessionServer } from './session-server.ts';

/** Servers kept ready on one instance, and for how long they are kept unused. */
const MAX_SERVERS = 1_000;
const IDLE_MS = 10 * 60_000;

interface Entry {
  /** The session's version that the server's state stands for. */
  version: number;
  readonly server: Promise<SessionServer>;
}

/** The servers of the sessions that this instance has met lately. */
export class SessionServers {
  readonly #factory: ServerFactory;
  readonly #entries = new LRUCache<SessionRef, Entry>({
    max: MAX_SERVERS,
    ttl: IDLE_MS,
    updateAgeOnGet: true,
    dispose: ({ server }) => void server.then((ready) => ready.retire()).catch(() => {}),
  });

  constructor(factory: ServerFactory) {
    this.#factory = factory;
  }

  /** A server for a session that is about to be opened. */
  start(state: SessionState): Promise<SessionServer> {
    return SessionServer.start(state, this.#factory);
  }

  /** Keeps the server of a session that was just opened. */
  adopt(session: Session, server: SessionServer): void {
    this.#entries.set(session.ref, { version: session.version, server: Promise.resolve(server) });
  }

  /** The session's server, hydrated if this instance has none that is as new as `session`. */
  async get(session: Session, state: SessionState): Promise<SessionServer> {
    const known = this.#entries.get(session.ref);
    if (known !== undefined && known.version >= session.version) return known.server;
    // Requests that come in together find this entry and wait for the same server.
    const entry: Entry = {
      version: session.version,
      server: SessionServer.hydrate(session, state, this.#factory),
    };
    this.#entries.set(session.ref, entry);
    try {
      return await entry.server;
    } catch (error) {
      if (this.#entries.peek(session.ref) === entry) this.#entries.delete(session.ref);
      throw error;
    }
  }

  /** Notes that the session's server itself went through the change that `session` is the outcome of. */
  changed(session: Session): void {
    const entry = this.#entries.peek(session.ref);
    // With a foreign change in between, the server lacks that one and is hydrated anew.
    if (entry?.version === session.version - 1) entry.version = session.version;
  }

  /** Ends the server of a session that is gone, and what it still runs. */
  async drop(ref: SessionRef, message: string): Promise<void> {
    const entry = this.#entries.peek(ref);
    this.#entries.delete(ref);
    const server = await entry?.server.catch(() => undefined);
    server?.abandon(message);
  }

  async stop(message: string): Promise<void> {
    const refs = [...this.#entries.keys()];
    await Promise.all(refs.map((ref) => this.drop(ref, message)));
  }
}
