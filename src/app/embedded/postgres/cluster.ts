import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { EngineUnavailable } from '../errors.ts';
import { logTail } from '../log-file.ts';
import { unprivilegedAccount } from './account.ts';
import { commandOn, type Runner } from './run-as.ts';

/** The superuser's name. */
export const SUPERUSER = 'postgres';

/** Where things are, below the engine's directory. */
export interface ClusterPaths {
  readonly dir: string;
  readonly cluster: string;
  readonly password: string;
  readonly log: string;
}

/** Lays out an engine's directory. */
export function clusterPaths(dir: string): ClusterPaths {
  return {
    dir,
    cluster: join(dir, 'cluster'),
    password: join(dir, 'password'),
    log: join(dir, 'postgres.log'),
  };
}

/** Creates the cluster when there is none, and makes sure that it is one for these binaries and this user. */
export async function prepareCluster(
  paths: ClusterPaths,
  runner: Runner,
  durable: boolean,
  log: number,
): Promise<void> {
  if (!existsSync(paths.cluster)) await createCluster(paths, runner, durable, log);
  checkVersion(paths.cluster, runner.version);
  takeOwnership(paths.cluster, runner);
}

/** The superuser's password, which was made with the cluster. */
export function readPassword(paths: ClusterPaths): string {
  try {
    return readFileSync(paths.password, 'utf8');
  } catch (error) {
    throw new EngineUnavailable(
      `the password of the embedded PostgreSQL, ${paths.password}, cannot be read; to start over with an empty ` +
        `database delete ${paths.dir}`,
      { cause: error },
    );
  }
}

/** initdb works in a directory beside, which is renamed when complete: a kill in the middle leaves no half cluster. */
async function createCluster(
  paths: ClusterPaths,
  runner: Runner,
  durable: boolean,
  log: number,
): Promise<void> {
  const draft = join(paths.dir, 'initdb');
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  // A superuser that anybody on this machine could be would let them run programs as us: hence the password.
  const password = randomBytes(24).toString('base64url');
  writeFileSync(join(draft, 'password'), password, { mode: 0o600 });
  takeOwnership(draft, runner);
  await initdb(draft, runner, durable, log, paths.log);
  writeFileSync(paths.password, password, { mode: 0o600 });
  renameSync(join(draft, 'cluster'), paths.cluster);
  rmSync(draft, { recursive: true, force: true });
}

function initdb(
  draft: string,
  runner: Runner,
  durable: boolean,
  log: number,
  logPath: string,
): Promise<void> {
  const command = commandOn(
    runner,
    'initdb',
    draft,
    (at) => [
      '-D',
      `${at}/cluster`,
      `--pwfile=${at}/password`,
      `--username=${SUPERUSER}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      ...(durable ? [] : ['--no-sync']),
    ],
    log,
  );
  return new Promise((resolve, reject) => {
    const child = spawn(command.file, command.args, command.options);
    command.release();
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) return resolve();
      reject(new EngineUnavailable(`initdb failed (${signal ?? code})\n--- ${logPath}\n${logTail(logPath)}`));
    });
  });
}

function checkVersion(cluster: string, version: string): void {
  const found = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  const ours = version.split('.')[0];
  if (found === ours) return;
  throw new EngineUnavailable(
    `${cluster} was made by PostgreSQL ${found}, but the embedded one is ${ours}: dump it with PostgreSQL ${found} ` +
      'and restore, or delete the directory to start over with an empty database, or set DATABASE_URL',
  );
}

/** Root may have run it another way the last time; a stranger's data is left alone. */
function takeOwnership(directory: string, { owner, way }: Runner): void {
  if (!owner) return;
  const found = statSync(directory);
  if (found.uid === owner.uid) return;
  const ours =
    process.getuid?.() === 0 && (way === 'drop' ? found.uid === 0 : found.uid === unprivilegedAccount()?.uid);
  if (!ours) {
    throw new EngineUnavailable(
      `${directory} belongs to the user with id ${found.uid}: run as that user, or use another DATA_DIR`,
    );
  }
  chownTree(directory, owner.uid, owner.gid);
}

function chownTree(path: string, uid: number, gid: number): void {
  if (lstatSync(path).isDirectory())
    for (const name of readdirSync(path)) chownTree(join(path, name), uid, gid);
  lchownSync(path, uid, gid);
}
