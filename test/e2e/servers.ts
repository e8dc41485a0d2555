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
  /** Where the store is: `postgres://…`, or an endpoint of DynamoDB. */
  readonly storeUrl: string;
  /** Runs a command of `src/app/cli` on the same store, to its end. */
  run(script: string, environment?: Record<string, string>): Promise<CommandProcess>;
  /** Kills all that still run, and removes all data. */
  close(): Promise<void>;
}

/** Where a store is that runs already. */
interface StoreEngine {
  readonly url: string;
  /** Ends it, if nobody else uses it. */
  leave(): Promise<void>;
}

interface ServersOptions {
  /** What each server runs. */
  readonly program?: string;
  /** Starts another engine than the embedded one, which servers find only by their environment. */
  readonly startEngine?: (() => Promise<StoreEngine>) | undefined;
}

/** Brings up the store; the first server makes its tables. */
export async function serversOn(
  store: StoreName,
  { program = 'test/e2e/serve.ts', startEngine }: ServersOptions = {},
): Promise<Servers> {
  const dataDir = await mkdtemp(join(tmpdir(), 'durable-mcp-streams-'));
  // Joined here first, so that it is one engine however the servers come and go.
  const engine = await (startEngine?.() ?? joinEngine({ kind: store, dataDir, durable: false }));
  const started: CommandProcess[] = [];
  const start = (script: string, environment: Record<string, string>): CommandProcess => {
    const command = new CommandProcess(script, ['--store', store], { DATA_DIR: dataDir, ...environment });
    started.push(command);
    return command;
  };
  return {
    storeUrl: engine.url,
    run: async (script, environment = {}) => {
      const command = start(script, environment);
      await command.exit();
      return command;
    },
    start: async (environment = {}) => {
      const server = start(program, environment);
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
