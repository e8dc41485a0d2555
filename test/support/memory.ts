import { memoryStore, sharedMemory } from '../../src/adapters/memory/store.ts';
import type { StoreHarness } from '../contract/harness.ts';
import { setBack } from './stream-lab.ts';

/** A harness over one shared memory: each store is an instance on it. */
export async function memoryHarness(): Promise<StoreHarness> {
  const shared = sharedMemory();
  return {
    capabilities: { sweeps: true, catchesUpWithinMs: 0, trimSlack: 0 },
    open: async () => memoryStore(shared),
    countRows: async (ref) => {
      const found = shared.data.sessions.get(ref);
      if (found === undefined) return 0;
      const events = [...found.streams.values()].reduce((sum, stream) => sum + stream.length, 0);
      return 1 + found.values.size + events;
    },
    setBack: async (ref, stream, sequence) => setBack({ shared }, { session: { ref }, stream }, sequence),
    dump: async () =>
      JSON.stringify([
        ...[...shared.data.sessions.values()].map(({ session, values, streams }) => ({
          session,
          values: [...values],
          streams: [...streams],
        })),
        ...shared.data.instances,
      ]),
    close: async () => {},
  };
}
