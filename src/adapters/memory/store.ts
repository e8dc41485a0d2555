import type { Store } from '../../ports/store.ts';
import { MemoryData } from './data.ts';
import { MemoryEventLog } from './event-log.ts';
import { MemoryInstances } from './instances.ts';
import { MemorySessionDirectory } from './session-directory.ts';
import { MemorySessionRepository } from './session-repository.ts';
import { MemorySignals } from './signals.ts';

/** What several instances of one memory store have in common. Opaque: pass it to {@link memoryStore}. */
export interface SharedMemory {
  readonly data: MemoryData;
  readonly signals: MemorySignals;
}

/** The memory of a new, empty database, which dies with the last store on it. */
export function sharedMemory(): SharedMemory {
  const signals = new MemorySignals();
  return { data: new MemoryData(signals), signals };
}

/**
 * A store that lives and dies with the process: for tests, and for trying things out. Closing it does nothing.
 *
 * @param shared give the same object to several stores to let them act as instances on one database
 *
 * @example
 * const shared = sharedMemory();
 * const [one, other] = [memoryStore(shared), memoryStore(shared)];
 */
export function memoryStore(shared: SharedMemory = sharedMemory()): Store {
  return {
    name: 'memory',
    sessions: new MemorySessionRepository(shared.data),
    directory: new MemorySessionDirectory(shared.data),
    events: new MemoryEventLog(shared.data),
    signals: shared.signals,
    instances: new MemoryInstances(shared.data),
    check: async () => {},
    close: async () => {},
  };
}
