import { join } from 'node:path';
import type { EngineKind } from './engine.ts';
import { boundLog } from './log-file.ts';
import { MemberServer } from './member-server.ts';
import { answers } from './membership.ts';
import { guardOrphan } from './orphan-guard.ts';
import type { RunAs } from './postgres/run-as.ts';
import type { RunningEngine, StartEngine } from './running-engine.ts';
import { currentTurn, type Holder, isBeingWritten, takeTurn } from './supervisor-lock.ts';

// The process that owns an engine for as long as it has members. Its standard output is a log file.

interface Orders {
  readonly kind: EngineKind;
  readonly dir: string;
  readonly durable: boolean;
  readonly runAs?: RunAs;
}

/** A dev server that restarts finds the engine still running. */
const LINGER_MS = 500;
/** Longer than a launcher needs to connect; it is over when the launcher died over it. */
const FIRST_MEMBER_MS = 3_000;
const RESTARTS = { most: 5, withinMs: 60_000 };
const LOG_CHECK_MS = 30_000;

const { kind, dir, durable, runAs } = JSON.parse(process.argv[2] ?? '{}') as Orders;
const members = new MemberServer(() => retireAfter(LINGER_MS));
let engine: RunningEngine | undefined;
let unguard = () => {};
let busy = true;
let retiring: NodeJS.Timeout | undefined;

process.on('SIGINT', () => void retire('interrupted'));
process.on('SIGTERM', () => void retire('terminated'));
setInterval(() => {
  for (const name of ['supervisor.log', `${kind}.log`]) boundLog(join(dir, name));
}, LOG_CHECK_MS).unref();

const turn = await becomeSupervisor(await members.listen());
if (turn === undefined) process.exit(0);
await run(turn);

/** The name of the turn it took; `undefined` when another supervisor lives. */
async function becomeSupervisor(self: Holder): Promise<string | undefined> {
  for (;;) {
    const last = currentTurn(dir);
    if (last?.holder ? await answers(last.holder) : last && isBeingWritten(dir, last)) return undefined;
    const taken = takeTurn(dir, last?.generation ?? 0, self);
    if (taken) return taken;
  }
}

async function run(turn: string): Promise<void> {
  log(`supervisor of ${kind} in ${dir}`);
  const restarts: number[] = [];
  try {
    for (;;) {
      unguard();
      const lastUrl: string | undefined = engine?.url;
      engine = await (await engineOf(kind))(dir, { durable, runAs, log });
      if (lastUrl !== undefined && lastUrl !== engine.url) members.disconnect(); // its port was taken meanwhile
      if (engine.process) unguard = guardOrphan({ ...engine.process, dir, turn, log });
      busy = false;
      log(engine.adopted ? 'engine adopted' : 'engine started');
      members.announce({ state: 'ready', pid: process.pid, url: engine.url, adopted: engine.adopted });
      if (members.size === 0) retireAfter(FIRST_MEMBER_MS);
      const reason = await engine.died;
      busy = true;
      log(`the engine died (${reason}): starting it again`);
      restarts.push(Date.now());
      if (restarts.filter((at) => at > Date.now() - RESTARTS.withinMs).length > RESTARTS.most) {
        throw new Error(`the embedded ${kind} engine keeps dying: ${reason}`);
      }
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    unguard();
    log(error instanceof Error ? (error.stack ?? message) : message);
    members.announce({ state: 'failed', message });
    setTimeout(() => process.exit(0), 100); // the members were told; let the socket be flushed
  }
}

function retireAfter(ms: number): void {
  clearTimeout(retiring);
  retiring = setTimeout(() => {
    if (members.size === 0) void retire('no members left');
  }, ms);
}

async function retire(reason: string): Promise<void> {
  // A start that is under way is finished first: half an engine cannot be stopped cleanly.
  if (busy) return void setTimeout(() => retireAfter(0), 50);
  busy = true;
  log(`stopping: ${reason}`);
  members.announce({ state: 'stopping' });
  await engine?.stop();
  unguard();
  log('stopped');
  process.exit(0);
}

async function engineOf(wanted: EngineKind): Promise<StartEngine> {
  if (wanted === 'postgres') return (await import('./postgres/start.ts')).startPostgres;
  return (await import('./dynamodb/start.ts')).startDynalite;
}

function log(message: string): void {
  process.stdout.write(`${new Date().toISOString()} [${process.pid}] ${message}\n`);
}
