import { closeSync, truncateSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog } from '../log-file.ts';
import { freePort } from '../port.ts';
import { rememberedPort, rememberPort } from '../remembered-port.ts';
import type { EngineOptions, RunningEngine } from '../running-engine.ts';
import { chooseRunner, removeCopy } from './choose-runner.ts';
import { type ClusterPaths, clusterPaths, prepareCluster, readPassword, SUPERUSER } from './cluster.ts';
import { installedNative } from './native.ts';
import { type Postmaster, startPostmaster, stopPostmaster, survivingPostmaster } from './postmaster.ts';
import type { Runner } from './run-as.ts';

const ATTEMPTS = 5;

/** Runs PostgreSQL on the cluster in `<dir>/cluster`, made at the first start. */
export async function startPostgres(dir: string, options: EngineOptions): Promise<RunningEngine> {
  const paths = clusterPaths(dir);
  const runner = chooseRunner({ native: installedNative(), dir, runAs: options.runAs, log: options.log });
  const log = openLog(paths.log);
  try {
    truncateSync(paths.log);
    const survivor = await survivingPostmaster(paths.cluster);
    if (!survivor) await prepareCluster(paths, runner, options.durable, log);
    const password = readPassword(paths);
    const postmaster = survivor ?? (await startOnFreePort(paths, runner, options.durable, log));
    rememberPort(dir, postmaster.port);
    let stopping = false;
    return {
      url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${postmaster.port}/postgres`,
      process: { pid: postmaster.pid, pidFile: 'cluster/postmaster.pid' },
      adopted: survivor !== undefined,
      died: postmaster.ended.then(() =>
        stopping ? new Promise<never>(() => {}) : `pid ${postmaster.pid} ended`,
      ),
      stop: async () => {
        stopping = true;
        await stopPostmaster(postmaster, runner, paths.cluster);
        removeCopy(runner);
      },
    };
  } finally {
    closeSync(log);
  }
}

/** Another program may take the port between our look and the start; orphaned backends may need a moment to end. */
async function startOnFreePort(
  paths: ClusterPaths,
  runner: Runner,
  durable: boolean,
  log: number,
): Promise<Postmaster> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(rememberedPort(paths.dir));
    try {
      return await startPostmaster(paths, runner, port, durable, log);
    } catch (error) {
      const passing = /could not bind|already in use|is still in use/.test((error as Error).message);
      if (!passing || attempt === ATTEMPTS) throw error;
      await sleep(200 * attempt);
    }
  }
}
