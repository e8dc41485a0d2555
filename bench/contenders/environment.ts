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
  readonly #beforeEnd: (() => Promise<void>)[] = [];
  #stopped: Promise<void> | undefined;

  /** The contender, started if it does not run yet. */
  contender(name: ContenderName): Promise<RunningContender> {
    const running = this.#contenders.get(name) ?? CONTENDERS[name].start(this);
    this.#contenders.set(name, running);
    return running;
  }

  /** Starts a server that is stopped at the end. Arguments as of {@link ServerProcess.start}. */
  server(args: readonly string[], settings: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
    if (this.#stopped !== undefined) throw new Error('the benchmark is being stopped');
    const server = ServerProcess.start(args, settings);
    this.#servers.push(server);
    return server;
  }

  /** The URL of an engine of the benchmark's own, with real durability. */
  async engine(kind: EngineKind): Promise<string> {
    if (this.#stopped !== undefined) throw new Error('the benchmark is being stopped');
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

  /** Has `work` done before all is stopped, also where the benchmark fails or is interrupted. It may be done twice. */
  beforeEnd(work: () => Promise<void>): void {
    this.#beforeEnd.push(work);
  }

  /** Stops all servers, then the engines, and removes their data. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    // What did not start or cannot be stopped has been told of, or will be: here the rest is to be stopped all the same.
    await Promise.allSettled(this.#beforeEnd.map((work) => work()));
    await Promise.allSettled(this.#servers.map(async (server) => (await server).stop()));
    await Promise.allSettled([...this.#engines.values()].map(async (engine) => (await engine).leave()));
    // An engine stops a moment after its last member has left.
    await rm(await this.#dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }
}
