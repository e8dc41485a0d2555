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
  const thaw = (): void => {
    for (const pid of frozen.splice(0)) process.kill(pid, 'SIGCONT');
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
    freeze: async () => {
      const client = new pg.Client(engine.url);
      // Thawed only after its deadline, its end may be a broken connection.
      client.on('error', () => {});
      await client.connect();
      const stop = (pid: number): void => {
        process.kill(pid, 'SIGSTOP');
        frozen.push(pid);
      };
      // The parent first, so that no process is made after the look.
      stop(engine.process?.pid as number);
      const { rows } = await client.query<{ pid: number }>('select pid from pg_stat_activity');
      for (const { pid } of rows) stop(pid);
      void client.end();
    },
    thaw,
    close: async () => {
      thaw();
      await engine.stop();
      await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}
