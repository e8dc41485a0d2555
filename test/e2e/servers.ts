import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { joinEngine } from '../../src/app/embedded/engine.ts';
import type { StoreName } from '../../src/app/store-config.ts';
import { CommandProcess } from '../support/process.ts';

export const STORES: readonly StoreName[] = ['postgres', 'dynamodb'];

/** An instance in a process of its own. */
export interface Server {
  readonly process: CommandProcess;
  /** Of its MCP endpoint. */
  readonly url: string;
  readonly origin: string;
}

/** Instances on one new store, which a test stops, kills and starts as it likes. */
export interface Servers {
  start(environment?: Record<string, string>): Promise<Server>;
  /** Where the store is, for whoever wants to stand in between. */
  readonly storeUrl: string;
  /** Kills all that still run, and removes all data. */
  close(): Promise<void>;
}

/** Where a store is that runs already. */
interface StoreEngine {
  readonly url: string;
  /** Ends it, if nobody else uses it. */
  leave(): Promise<void>;
}

/**
 * Brings up the store; the first server makes its tables.
 * @param start starts another engine than the embedded one, which servers find only by their environment
 */
export async function serversOn(store: StoreName, start?: () => Promise<StoreEngine>): Promise<Servers> {
  const dataDir = await mkdtemp(join(tmpdir(), 'durable-mcp-streams-'));
  // Joined here first, so that it is one engine however the servers come and go.
  const engine = await (start?.() ?? joinEngine({ kind: store, dataDir, durable: false }));
  const started: CommandProcess[] = [];
  return {
    storeUrl: engine.url,
    start: async (environment = {}) => {
      const server = new CommandProcess('test/e2e/serve.ts', ['--store', store], {
        DATA_DIR: dataDir,
        ...environment,
      });
      started.push(server);
      const url = await server.ready();
      return { process: server, url, origin: new URL(url).origin };
    },
    close: async () => {
      // Also ends a process that was stopped by SIGSTOP.
      await Promise.all(started.map((server) => server.kill('SIGKILL')));
      await engine.leave();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
    },
  };
}
