import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** `warm`: with data, and compiled; `empty`: with an empty data directory; `first`: also before anything is compiled. */
const KINDS = ['warm', 'empty', 'first'] as const;

/**
 * How long `npm run dev:postgres` (or `dev:dynamodb`) takes from its start to its ready line, and how much CPU
 * time all its processes have used by then. Several checkouts take turns, so that what else the machine does
 * falls on all of them.
 *
 * node --import tsx bench/start.ts [--store dynamodb] [--runs 9] [--kind warm] [checkout …]
 */
const { values: flags, positionals } = parseArgs({
  options: {
    store: { type: 'string', default: 'postgres' },
    runs: { type: 'string', default: '9' },
    kind: { type: 'string', multiple: true, default: [...KINDS] },
  },
  allowPositionals: true,
});

if (flags.kind.some((kind) => !KINDS.some((known) => known === kind))) {
  throw new Error(`--kind must be one of ${KINDS.join(', ')}`);
}

interface Start {
  readonly ms: number;
  readonly cpuMs: number;
}

const MARK = 'START_BENCHMARK';
/** Of `/proc/<pid>/stat`: Linux counts in hundredths of a second on every platform that Node runs on. */
const TICK_MS = 10;

const checkouts = (positionals.length === 0 ? ['.'] : positionals).map((path) => resolve(path));
const scratch = mkdtempSync(join(tmpdir(), 'start-benchmark-'));
const results = new Map<string, Start[]>();
try {
  for (let run = 0; run <= Number(flags.runs); run += 1) {
    for (const kind of flags.kind) {
      for (const [index, checkout] of checkouts.entries()) {
        const start = await startOnce(checkout, kind, `${index}`);
        // The first run makes the warm directory, and reads everything from the disk.
        if (run === 0) continue;
        const key = `${kind} ${checkout}`;
        results.set(key, [...(results.get(key) ?? []), start]);
      }
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
}
for (const [key, starts] of results) {
  const ms = starts.map((start) => start.ms);
  const cpu = median(starts.map(({ cpuMs }) => cpuMs));
  const range = `${Math.min(...ms).toFixed(0)} to ${Math.max(...ms).toFixed(0)}`;
  process.stdout.write(`${key}: ${median(ms).toFixed(0)} ms (${range}), CPU ${cpu.toFixed(0)} ms\n`);
}

async function startOnce(checkout: string, kind: string, owner: string): Promise<Start> {
  const own = mkdtempSync(join(scratch, 'run-'));
  const mark = `${MARK}=${own}`;
  if (kind === 'first') rmSync(join(checkout, '.compiled'), { recursive: true, force: true });
  const begun = performance.now();
  const child = spawn('npm', ['run', `dev:${flags.store}`], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group, as a terminal makes one: the signal reaches npm and the server
    env: {
      ...process.env,
      [MARK]: own,
      PORT: '0',
      DATA_DIR: kind === 'warm' ? join(scratch, `warm-${owner}`) : join(own, 'data'),
      ...(kind === 'first' ? { TMPDIR: own } : {}), // where tsx, which earlier versions use, keeps what it compiles
    },
  });
  await untilReady(child);
  const start = { ms: performance.now() - begun, cpuMs: cpuOf(mark) };
  process.kill(-(child.pid ?? 0), 'SIGINT');
  if (child.exitCode === null) await once(child, 'exit');
  while (processesOf(mark).length > 0) await new Promise((done) => setTimeout(done, 50));
  rmSync(own, { recursive: true, force: true });
  return start;
}

function untilReady(child: ChildProcess): Promise<void> {
  let output = '';
  return new Promise((done, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (stream === child.stdout && /^durable-mcp listening on /m.test(output)) done();
      });
    }
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`ended before it was ready:\n${output}`)));
  });
}

/** The processes of a run, wherever they were started from: all have its mark in their environment. */
function processesOf(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && readProcess(Number(name), 'environ').includes(mark))
    .map(Number);
}

/** User and system time of a run's processes, and of those children that they have waited for. */
function cpuOf(mark: string): number {
  const ticks = processesOf(mark).flatMap((pid) => {
    const stat = readProcess(pid, 'stat');
    return stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 15)
      .map(Number);
  });
  return ticks.reduce((sum, each) => sum + each, 0) * TICK_MS;
}

function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it has ended
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
