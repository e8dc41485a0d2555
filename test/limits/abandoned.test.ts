import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { stateServer } from '../../src/adapters/mcp/tools/state-server.ts';
import { memoryStore } from '../../src/adapters/memory/store.ts';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Store } from '../../src/ports/store.ts';
import { HOUR } from '../contract/fixtures.ts';
import { library } from '../support/library.ts';
import { memoryHarness } from '../support/memory.ts';
import { postgresHarness } from '../support/postgres.ts';
import { initializeMessage, post } from '../support/service.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MIB = 1024 * 1024;
const LIFETIME = { idleMs: HOUR, maxLifetimeMs: 24 * HOUR };
const INITIALIZE = JSON.stringify(initializeMessage());

const server = stateServer({ name: 'abandoned', version: '1' });

/** An endpoint that sessions are opened on and left, and a clock that can be set ahead. */
function endpoint(store: Store) {
  let ahead = 0;
  const clock = { ...systemClock, now: () => Date.now() + ahead };
  const { mcp, request } = library({ store, server, clock, lifetime: LIFETIME });
  return {
    mcp,
    clock,
    setAhead: (ms: number) => {
      ahead += ms;
    },
    initialize: async (count: number): Promise<void> => {
      for (let opened = 0; opened < count; opened += 1) {
        const response = await request(post(INITIALIZE));
        if (response.status !== 200) throw new Error(await response.text());
        await response.arrayBuffer();
      }
    },
  };
}

async function heap(): Promise<number> {
  collectGarbage();
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe('sessions that are opened and left', () => {
  // Catches: a server, a timer or a record of each of them that stays for as long as the process.
  it('leave little in memory, however many they are', async () => {
    const store = memoryStore();
    let created = 0;
    // The store's own memory is not the service's.
    store.sessions.create = async () => {
      created += 1;
    };
    const { mcp, initialize, setAhead } = endpoint(store);
    // Records of the last moments are kept, and how many those are depends on the machine: the next one lets them go.
    const heapAfter = async (count: number): Promise<number> => {
      await initialize(count - 1);
      setAhead(10_000);
      await initialize(1);
      return heap();
    };
    const before = await heapAfter(5_000);
    expect((await heapAfter(5_000)) - before).toBeLessThan(2 * MIB);
    expect(created).toBe(10_000);
    await mcp.close();
  }, 60_000);

  // Catches: rows that nobody asks for and nobody removes.
  it.each([
    ['memory', memoryHarness, 1_000],
    ['postgres', postgresHarness(), 300],
  ])('are gone from %s with the first sweep after their time', async (_, makeHarness, count) => {
    const harness = await makeHarness();
    const store = await harness.open();
    const { mcp, clock, initialize, setAhead } = endpoint(store);
    await initialize(count);
    expect(await harness.dump()).toContain('test-client');
    setAhead(HOUR);
    expect(await store.sessions.deleteExpired(clock.now(), 10_000)).toMatchObject({ sessions: count });
    expect(await harness.dump()).not.toContain('test-client');
    await mcp.close();
    await harness.close();
  });
});
