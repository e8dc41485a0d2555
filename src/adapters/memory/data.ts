import { SessionNotFound } from '../../domain/errors.ts';
import type { LoggedEvent } from '../../domain/event.ts';
import type { LiveSession, Session, SessionRef } from '../../domain/session.ts';
import { isExpired } from '../../domain/session.ts';
import type { MemorySignals } from './signals.ts';

export interface MemoryValue {
  /** `undefined` for a deleted key, whose version is kept. */
  readonly json: string | undefined;
  readonly version: number;
  readonly updatedAt: number;
}

export interface MemoryEvent extends LoggedEvent {
  readonly expiresAt: number;
}

export interface MemorySession {
  session: Session;
  readonly values: Map<string, MemoryValue>;
  readonly streams: Map<string, MemoryEvent[]>;
}

export interface MemoryInstance {
  readonly beats: number;
  /** The latest `now` of its beats. */
  readonly seenAt: number;
}

/** What instances that share one memory store share. */
export class MemoryData {
  readonly sessions = new Map<SessionRef, MemorySession>();
  readonly instances = new Map<string, MemoryInstance>();
  readonly #signals: MemorySignals;

  constructor(signals: MemorySignals) {
    this.#signals = signals;
  }

  /** Removes a session, and tells the watchers of its streams, for which nobody publishes a signal. */
  remove(ref: SessionRef): void {
    const streams = this.sessions.get(ref)?.streams.keys() ?? [];
    this.sessions.delete(ref);
    for (const stream of [...streams]) void this.#signals.publish({ ref, stream });
  }

  /** @throws SessionNotFound */
  live(session: Pick<LiveSession, 'ref'>, now: number): MemorySession {
    const found = this.sessions.get(session.ref);
    if (found === undefined || isExpired(found.session, now)) throw new SessionNotFound();
    return found;
  }
}

/** The session as it is now. */
export function sessionOf(found: MemorySession): Session {
  return { ...found.session, valueCount: countValues(found) };
}

/** Keys that hold a value. */
export function countValues({ values }: MemorySession): number {
  let count = 0;
  for (const value of values.values()) if (value.json !== undefined) count += 1;
  return count;
}
