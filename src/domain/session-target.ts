import type { Principal } from './principal.ts';
import { namedRef, type Session, type SessionRef, sessionRef } from './session.ts';
import type { Sessions } from './sessions.ts';

/** A session as somebody came to it. */
export interface SessionTarget {
  /** As its caller names it: its id, or for a known principal its reference. */
  readonly name: string;
  readonly ref: SessionRef;
  /** How to get another one, where it is gone. */
  readonly advice?: string;
  /** The session; `undefined`, or SessionNotFound thrown, if it is gone. */
  readonly find: () => Promise<Session | undefined>;
}

/** The session of the connection itself: the transport has checked whose it is, and counted the use. */
export function connectionTarget(id: string, sessions: Sessions): SessionTarget {
  const ref = sessionRef(id);
  return { name: id, ref, find: () => sessions.recent(ref) };
}

/** A session that a call's argument names. Whose it is is checked each time, and each time counts as its use. */
export function handleTarget(
  name: string,
  principal: Principal | undefined,
  sessions: Sessions,
): SessionTarget {
  const ref = namedRef(name, principal);
  return {
    name,
    ref,
    advice: 'call open_session for a new one, and pass its session_id from then on',
    find: () => sessions.use(ref, principal),
  };
}
