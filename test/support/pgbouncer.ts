import { spawnSync } from 'node:child_process';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/app/embedded/port.ts';
import { unprivilegedAccount } from '../../src/app/embedded/postgres/account.ts';
import { eventually } from '../contract/fixtures.ts';
import { spawnWithParent } from './spawn-with-parent.ts';

/** A PgBouncer in front of one PostgreSQL. */
export interface Pgbouncer {
  /** The database's URL, through the pooler. */
  readonly url: string;
  /** Ends it, with all its connections to the database. */
  stop(): Promise<void>;
}

export interface PgbouncerOptions {
  /** Default: transaction. In session mode `statement_timeout` is let through, to be ignored. */
  readonly poolMode?: 'transaction' | 'session';
  /** Connections to the database: few, so that statements of one client run on many. Default: 3. */
  readonly poolSize?: number;
  /** How many prepared statements it keeps track of, from 1.21 on. Default: none. */
  readonly maxPreparedStatements?: number;
}

// Where Debian has it is not in the path of every user.
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`;

const version = /^PgBouncer (\d+)\.(\d+)/.exec(
  spawnSync('pgbouncer', ['--version'], { encoding: 'utf8', env: { ...process.env, PATH } }).stdout ?? '',
);

/** The reason why tests with a real PgBouncer cannot run here, or `undefined` if they can. */
export const pgbouncerMissing: string | undefined =
  version === null
    ? 'pgbouncer is not installed (apt-get install pgbouncer): not tested behind it'
    : undefined;

/** The reason why it cannot keep track of prepared statements, or `undefined` if it can: 1.21 was the first. */
export const preparedStatementsMissing: string | undefined =
  pgbouncerMissing ??
  (Number(version?.[1]) === 1 && Number(version?.[2]) < 21
    ? `${version?.[0]} is older than 1.21: prepared statements were not tested behind it`
    : undefined);

export async function startPgbouncer(
  databaseUrl: string,
  { poolMode = 'transaction', poolSize = 3, maxPreparedStatements }: PgbouncerOptions = {},
): Promise<Pgbouncer> {
  const target = new URL(databaseUrl);
  const port = await freePort(undefined);
  const directory = await mkdtemp(join(tmpdir(), 'durable-mcp-pgbouncer-'));
  const config = join(directory, 'pgbouncer.ini');
  const server = {
    host: target.hostname,
    port: target.port || '5432',
    user: decodeURIComponent(target.username),
    password: decodeURIComponent(target.password),
  };
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    // Whoever connects is the user of the line above; what is tested is not who may.
    auth_type: 'any',
    pool_mode: poolMode,
    default_pool_size: poolSize,
    max_client_conn: 1_000,
    // The next statement of a client runs on another connection than its last, wherever there is one.
    server_round_robin: 1,
    ...(poolMode === 'session' || maxPreparedStatements !== undefined
      ? { ignore_startup_parameters: 'statement_timeout' }
      : {}),
    ...(maxPreparedStatements === undefined ? {} : { max_prepared_statements: maxPreparedStatements }),
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  const way = Object.entries(server).map(([name, value]) => `${name}='${value.replaceAll("'", "''")}'`);
  await writeFile(config, ['[databases]', `* = ${way.join(' ')}`, '[pgbouncer]', ...lines, ''].join('\n'), {
    mode: 0o600,
  });
  const account = process.getuid?.() === 0 ? unprivilegedAccount() : undefined;
  if (account !== undefined) {
    for (const path of [config, directory]) await chown(path, account.uid, account.gid);
  }
  // It refuses to run as root. `setpriv` sets the user before the program starts, which then may read its file.
  const drop =
    account === undefined
      ? []
      : ['setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  const engine = spawnWithParent(['env', `PATH=${PATH}`, ...drop, 'pgbouncer', config]);
  const stop = async (): Promise<void> => {
    await engine.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await eventually(() => accepts(port), 'pgbouncer listens');
  } catch (error) {
    await stop();
    throw new Error(`pgbouncer did not start: ${engine.output()}`, { cause: error });
  }
  const pooled = new URL(databaseUrl);
  pooled.hostname = '127.0.0.1';
  pooled.port = String(port);
  return { url: pooled.href, stop };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
