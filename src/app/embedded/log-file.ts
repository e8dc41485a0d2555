import { closeSync, fstatSync, openSync, readSync, statSync, truncateSync } from 'node:fs';

const MAX_BYTES = 4 * 1024 * 1024;
const TAIL_BYTES = 2_000;

/** Opens a log for appending, so that it can be cut short while a process still writes to it. */
export function openLog(path: string): number {
  return openSync(path, 'a', 0o600);
}

/** Empties a log that has grown beyond its bound. */
export function boundLog(path: string, maxBytes = MAX_BYTES): void {
  try {
    if (statSync(path).size > maxBytes) truncateSync(path);
  } catch {
    // no log yet
  }
}

/** The last lines of a log, to be shown in an error; empty when there is none. */
export function logTail(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const size = fstatSync(fd).size;
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const read = readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8', 0, read).trim();
  } finally {
    closeSync(fd);
  }
}
