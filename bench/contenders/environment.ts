import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { EmbeddedEngine, EngineKind } from '../../src/app/embedded/engine.ts';
import { serviceModule } from '../project.ts';
import { CONTENDERS } from './catalog.ts';
import type { ContenderName, RunningContender } from './contender.ts';
import { ServerProcess } from './server-process.ts';

/**
 * All that runs for one run of the benchmark: engines with data of their own, and servers, each started when it is
 * first asked for and stopped with all others.
 */
export class Environment {
  readonly #contenders = new Map<ContenderName, Promise<RunningContender>>();
  readonly #engines = new Map<EngineKind, Promise<EmbeddedEngine>>();
  readonly #servers: Promise<ServerProcess>[] = [];
  readonly #dataDir = mkdtemp(join(tmpdir(), 'durable-mcp-bench-'));
  #isStopping = false;

  /** The contender, started if it does not run yet. */
  contender(name: ContenderName): Promise<RunningContender> {
    const running = this.#contenders.get(name) ?? CONTENDERS[name].start(this);
    this.#contenders.set(name, running);
    return running;
  }

  /** Starts a server that is stopped at the end. Arguments as of {@link ServerProcess.start}. */
  server(args: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    if (this.#isStopping) throw new Error('the benchmark is being stopped');
    const server = ServerProcess.start(args, settings);
    this.#servers.push(server);
    return server;
  }

  /** The URL of an engine of the benchmark's own, with real durability. */
  async engine(kind: EngineKind): Promise<string> {
    if (this.#isStopping) throw new Error('the benchmark is being stopped');
    const engine = this.#engines.get(kind) ?? this.#join(kind);
    this.#engines.set(kind, engine);
    return (await engine).url;
  }

  async #join(kind: EngineKind): Promise<EmbeddedEngine> {
    const { joinEngine } =
      await serviceModule<typeof import('../../src/app/embedded/engine.ts')>('app/embedded/engine.ts');
    return joinEngine({ kind, dataDir: await this.#dataDir });
  }

  /** A new database on that engine. @returns its URL */
  async database(name: string): Promise<string> {
    const url = new URL(await this.engine('postgres'));
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      await client.query(`create database ${pg.escapeIdentifier(name)}`);
    } finally {
      await client.end();
    }
    url.pathname = `/${name}`;
    return url.href;
  }

  /** An empty directory that is removed at the end. */
  async directory(): Promise<string> {
    return mkdtemp(join(await this.#dataDir, 'directory-'));
  }

  /** Stops all servers, then the engines, and removes their data. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const servers = await Promise.allSettled(this.#servers);
    await Promise.all(
      servers.map((server) => (server.status === 'fulfilled' ? server.value.stop() : undefined)),
    );
    const engines = await Promise.allSettled(this.#engines.values());
    await Promise.all(
      engines.map((engine) => (engine.status === 'fulfilled' ? engine.value.leave() : undefined)),
    );
    // An engine stops a moment after its last member has left.
    await rm(await this.#dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }
}
