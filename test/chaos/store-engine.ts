import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { joinEngine } from '../../src/app/embedded/engine.ts';
import type { StoreName } from '../../src/app/store-config.ts';
import { dynoxideMissing, startDynoxide } from '../support/dynamodb-engines.ts';
import { startOwnPostgres } from '../support/own-postgres.ts';
import { pause } from './pause.ts';

/** The engine of one run. */
export interface StoreEngine {
  readonly url: string;
  /**
   * Kills it without a word, and starts it again on what it has stored. Left out where that is kept in memory.
   *
   * PostgreSQL runs without `fsync` here, and with `synchronous_commit`. What it acknowledged it has given to the
   * operating system, and must find again there. That it would be on the disk when the machine loses its power is not
   * shown.
   */
  readonly kill?: (downMs: number) => Promise<void>;
  /** Ends it, and removes its data. */
  leave(): Promise<void>;
}

export async function startStoreEngine(store: StoreName): Promise<StoreEngine> {
  if (store === 'postgres') {
    const postgres = await startOwnPostgres();
    return {
      url: postgres.url,
      leave: postgres.close,
      kill: async (downMs) => {
        await postgres.crash();
        await pause(downMs);
        await postgres.start();
      },
    };
  }
  if (dynoxideMissing() === undefined) {
    const { endpoint, stop } = await startDynoxide();
    return { url: String(endpoint), leave: stop };
  }
  // The embedded emulator serves so few requests that little happens.
  const dataDir = await mkdtemp(join(tmpdir(), 'durable-mcp-chaos-'));
  const engine = await joinEngine({ kind: store, dataDir, durable: false });
  return {
    url: engine.url,
    leave: async () => {
      await engine.leave();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
    },
  };
}
