import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineKind } from './engine.ts';
import { EngineUnavailable } from './errors.ts';
import { type Launch, launchSupervisor } from './launch.ts';
import { logTail } from './log-file.ts';
import { type Connection, connectMember } from './membership.ts';
import type { RunAs } from './postgres/run-as.ts';
import { currentTurn } from './supervisor-lock.ts';

/** What a joiner asks of the supervisor of a directory. */
export interface JoinRequest {
  readonly kind: EngineKind;
  readonly dir: string;
  readonly durable: boolean;
  readonly timeoutMs: number;
  readonly runAs: RunAs | undefined;
  /** Whether joining keeps the process alive: the first time it must, a repair in the background must not. */
  readonly keepAlive: boolean;
  readonly signal: AbortSignal;
}

/** A joined engine. */
export interface Membership {
  readonly url: string;
  readonly started: boolean;
  /** Resolves when the supervisor is gone without having been left. */
  readonly lost: Promise<void>;
  leave(): Promise<void>;
}

const POLL_MS = 10;

/** Joins the supervisor of a directory, or starts one; at the deadline fails with the logs' last lines. */
export async function joinSupervisor(request: JoinRequest): Promise<Membership> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(timedOut(request)), request.timeoutMs);
  if (!request.keepAlive) timer.unref();
  const signal = AbortSignal.any([request.signal, deadline.signal]);
  let launch: Launch | undefined;
  try {
    for (;;) {
      signal.throwIfAborted();
      const holder = currentTurn(request.dir)?.holder;
      const connection = holder && (await connectMember(holder, request.keepAlive, signal));
      if (connection) return membershipOf(connection, launch?.pid);
      if (!launch?.pending()) {
        launch?.throwIfFailed();
        launch?.done();
        launch = launchSupervisor(request);
      }
      await sleep(POLL_MS, undefined, { ref: request.keepAlive });
    }
  } finally {
    clearTimeout(timer);
    launch?.done();
  }
}

function membershipOf({ ready, socket }: Connection, launchedPid: number | undefined): Membership {
  socket.unref();
  let leaving = false;
  const closed = new Promise<void>((done) => (socket.closed ? done() : socket.once('close', () => done())));
  return {
    url: ready.url,
    started: ready.pid === launchedPid && !ready.adopted,
    lost: closed.then(() => (leaving ? new Promise<never>(() => {}) : undefined)),
    leave: () => {
      leaving = true;
      socket.ref();
      socket.destroy();
      return closed;
    },
  };
}

function timedOut({ kind, dir, timeoutMs }: JoinRequest): EngineUnavailable {
  const logs = [`${kind}.log`, 'supervisor.log'].map((name) => join(dir, name));
  const tails = logs.map((path) => `--- ${path}\n${logTail(path) || '(empty)'}`);
  return new EngineUnavailable(
    `the embedded ${kind} engine was not ready within ${timeoutMs / 1000} s\n${tails.join('\n')}`,
  );
}
