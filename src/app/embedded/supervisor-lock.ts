import {
  constants,
  copyFileSync,
  linkSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { EngineUnavailable, errorCode } from './errors.ts';

/** Who holds the lock, and how to reach it. */
export interface Holder {
  readonly pid: number;
  /** Loopback port of the supervisor's member server. */
  readonly port: number;
  /** What a member shows to the supervisor. */
  readonly token: string;
  /** What the supervisor shows to a member: another process may have got the port of a dead one. */
  readonly proof: string;
}

/** A holder with the number of its turn. */
export interface Turn {
  readonly generation: number;
  /** `undefined` while its record is being written, or when the writer died over it. */
  readonly holder: Holder | undefined;
}

const NAME = /^supervisor-(\d+)\.json$/;
const WRITING_MS = 2_000;

/**
 * The newest turn, or `undefined` when there never was one.
 *
 * The lock is a row of numbered files, one per supervisor. The holder of the highest number has the lock
 * for as long as it answers on its port; a successor takes it by creating the next number, which only one
 * can. Nothing is ever released or removed at the top, so no contender can undo another's turn: that is the
 * race that lock files with "remove if stale" lose.
 */
export function currentTurn(dir: string): Turn | undefined {
  const generation = Math.max(0, ...generations(dir));
  if (generation === 0) return undefined;
  return { generation, holder: readHolder(path(dir, generation)) };
}

/** Takes the turn after `previous` and returns the name of its file; `undefined` when another was first. */
export function takeTurn(dir: string, previous: number, holder: Holder): string | undefined {
  const generation = previous + 1;
  const target = path(dir, generation);
  const draft = `${target}.${process.pid}.tmp`;
  writeFileSync(draft, JSON.stringify(holder), { mode: 0o600, flag: 'w' });
  try {
    createFrom(draft, target);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return undefined;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const known = generations(dir);
  if (known.some((other) => other > generation)) {
    // Others took this turn and the next and swept before our file came: it is a late one.
    rmSync(target, { force: true });
    return undefined;
  }
  for (const old of known) if (old < generation) rmSync(path(dir, old), { force: true });
  return basename(target);
}

/** Creates `target` with its whole content at once, or fails with EEXIST. */
function createFrom(draft: string, target: string): void {
  try {
    linkSync(draft, target);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw error;
    copyFileSync(draft, target, constants.COPYFILE_EXCL); // a file system without hard links
  }
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch (error) {
    if (errorCode(error) === 'EACCES') {
      throw new EngineUnavailable(`${file} belongs to another user: use a DATA_DIR of your own`, {
        cause: error,
      });
    }
    return undefined;
  }
}

/** Whether a turn without a readable record may still get one. */
export function isBeingWritten(dir: string, turn: Turn): boolean {
  try {
    return Date.now() - statSync(path(dir, turn.generation)).mtimeMs < WRITING_MS;
  } catch {
    return false;
  }
}

function generations(dir: string): number[] {
  return readdirSync(dir).flatMap((name) => {
    const number = NAME.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

function path(dir: string, generation: number): string {
  return join(dir, `supervisor-${generation}.json`);
}
