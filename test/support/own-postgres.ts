import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { startPostgres } from '../../src/app/embedded/postgres/start.ts';
import { databaseUrl } from './postgres-global-setup.ts';

const DATABASE = 'outages';

/** A PostgreSQL of a test's own, to be stopped and frozen, with one database and our tables in it. */
export interface OwnPostgres {
  readonly url: string;
  /** Runs one query past any store. */
  query(text: string): Promise<void>;
  stop(): Promise<void>;
  /**
   * Kills all its processes at once, as a crash does that leaves the machine running: what they gave to the operating
   * system stays, also where nothing was forced to the disk. Resolves when they are gone.
   */
  crash(): Promise<void>;
  /** On the same port, with what was stored. */
  start(): Promise<void>;
  /** Stops all its processes where they are: it answers nothing, and its connections stay. */
  freeze(): Promise<void>;
  thaw(): void;
  close(): Promise<void>;
}

export async function startOwnPostgres(): Promise<OwnPostgres> {
  const dir = await mkdtemp(join(tmpdir(), 'durable-mcp-outages-'));
  const launch = () => startPostgres(dir, { durable: false, runAs: undefined, log: () => {} });
  let engine = await launch();
  const frozen: number[] = [];
  const asAdmin = async <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
    const client = new pg.Client(engine.url);
    await client.connect();
    return work(client).finally(() => client.end());
  };
  await asAdmin((client) => client.query(`create database ${DATABASE}`));
  const url = databaseUrl(engine.url, DATABASE);
  await migrate({ connectionString: url });
  /** Freezes the parent, so that no process is made any more. @returns its children */
  const freezeParent = async (): Promise<readonly number[]> => {
    const client = new pg.Client(engine.url);
    // Its end may be a broken connection, and come much later.
    client.on('error', () => {});
    await client.connect();
    const parent = engine.process?.pid as number;
    process.kill(parent, 'SIGSTOP');
    frozen.push(parent);
    const { rows } = await client.query<{ pid: number }>('select pid from pg_stat_activity');
    void client.end().catch(() => {});
    return rows.map(({ pid }) => pid);
  };
  const thaw = (): void => {
    // The parent last: it would bury those that had ended when they were to be frozen, and there would be no such process.
    for (const pid of frozen.splice(0).reverse()) process.kill(pid, 'SIGCONT');
  };
  return {
    url,
    query: async (text) => {
      await asAdmin((client) => client.query(text));
    },
    stop: () => engine.stop(),
    start: async () => {
      engine = await launch();
      if (databaseUrl(engine.url, DATABASE) !== url) throw new Error('PostgreSQL came back somewhere else');
    },
    crash: async () => {
      const { died } = engine;
      const children = await freezeParent();
      // The parent last: it would make others.
      for (const pid of [...children, ...frozen.splice(0)]) process.kill(pid, 'SIGKILL');
      await died;
    },
    freeze: async () => {
      for (const pid of await freezeParent()) {
        process.kill(pid, 'SIGSTOP');
        frozen.push(pid);
      }
    },
    thaw,
    close: async () => {
      thaw();
      await engine.stop();
      await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}
