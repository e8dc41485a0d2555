import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `postmaster.pid` says about the server of a cluster. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number | undefined;
  /** `starting`, `ready`, `stopping`, …; empty until the server wrote it. */
  readonly status: string;
}

/** Reads the file that a running (or killed) server leaves in its cluster. */
export function readPostmasterFile(cluster: string): PostmasterFile | undefined {
  let lines: string[];
  try {
    lines = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3]) || undefined, status: lines[7]?.trim() ?? '' };
}

/**
 * Makes a stale file harmless. PostgreSQL refuses to start when the pid in it is in use, even by a stranger
 * or a zombie, except when it is that of its own parent. So the parent's goes there, and the rest stays: with
 * it PostgreSQL checks that no orphaned backend is still at work on the cluster.
 */
export function disownPostmasterFile(cluster: string): void {
  const path = join(cluster, 'postmaster.pid');
  if (process.platform === 'win32') {
    rmSync(path, { force: true });
    return;
  }
  const [, ...rest] = readFileSync(path, 'utf8').split('\n');
  writeFileSync(path, [String(process.pid), ...rest].join('\n'));
}
