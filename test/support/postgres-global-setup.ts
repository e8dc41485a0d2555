import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { joinEngine } from '../../src/app/embedded/engine.ts';

/** Where test files find PostgreSQL. */
export interface PostgresTestServer {
  readonly adminUrl: string;
  /** How every database of this run is called, followed by what is its own. */
  readonly prefix: string;
  /** A database with the migrations applied, to be copied. */
  readonly template: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    postgres: PostgresTestServer;
  }
}

/**
 * One PostgreSQL for the whole run: an embedded one, or that of `TEST_DATABASE_URL`, where all that was made is
 * dropped at the end. A copy of the template takes about 20 ms, its migration ten times that.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer();
  const prefix = `durable_mcp_test_${randomBytes(4).toString('hex')}`;
  const template = `${prefix}_template`;
  const admin = async (work: (client: pg.Client) => Promise<void>): Promise<void> => {
    const client = new pg.Client(server.url);
    await client.connect();
    await work(client).finally(() => client.end());
  };
  await admin(async (client) => {
    await client.query(`create database ${template}`);
  });
  await migrate({ connectionString: databaseUrl(server.url, template) });
  project.provide('postgres', { adminUrl: server.url, prefix, template });
  return async () => {
    await admin(async (client) => {
      const { rows } = await client.query<{ datname: string }>(
        'select datname from pg_database where starts_with(datname, $1)',
        [prefix],
      );
      for (const { datname } of rows) await client.query(`drop database ${datname} with (force)`);
    });
    await server.stop();
  };
}

/** The same server, another database. */
export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

async function startServer(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined && given !== '') return { url: given, stop: async () => {} };
  const dataDir = await mkdtemp(join(tmpdir(), 'durable-mcp-test-'));
  const engine = await joinEngine({ kind: 'postgres', dataDir, durable: false });
  return {
    url: engine.url,
    stop: async () => {
      await engine.leave();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}
