import { LRUCache } from 'lru-cache';
import { memoryStore, type SharedMemory } from '../../src/adapters/memory/store.ts';
import { DEFAULT_LIMITS } from '../../src/domain/limits.ts';
import type { SessionRef } from '../../src/domain/session.ts';
import { SessionState } from '../../src/domain/session-state.ts';
import { handleTarget } from '../../src/domain/session-target.ts';
import { Sessions } from '../../src/domain/sessions.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { CachedSession } from '../../src/ports/session-cache.ts';
import { HOUR } from '../contract/fixtures.ts';
import { type OnceInstance, onceInstance } from './once-lab.ts';

/** An instance that finds sessions by their ids, and runs calls of them once. */
export interface SessionInstance extends OnceInstance {
  readonly sessions: Sessions;
  state(id: string): SessionState;
}

/** @param idleMs after which an unused session is gone */
export function sessionInstance(shared: SharedMemory, clock: Clock, idleMs = HOUR): SessionInstance {
  const store = memoryStore(shared);
  const instance = onceInstance(store, clock);
  const sessions = new Sessions({
    repository: store.sessions,
    signals: store.signals,
    cache: new LRUCache<SessionRef, CachedSession>({ max: 100, dispose: ({ release }) => release() }),
    clock,
    lifetime: { idleMs, maxLifetimeMs: HOUR },
    onError: (error) => instance.errors.push(error),
  });
  const options = { sessions, repository: store.sessions, limits: DEFAULT_LIMITS, once: instance.once };
  return {
    ...instance,
    sessions,
    state: (id) => new SessionState(handleTarget(id, undefined, sessions), options),
  };
}
