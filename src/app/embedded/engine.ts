import { mkdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { EngineUnavailable } from './errors.ts';
import { joinSupervisor, type Membership } from './join.ts';
import type { RunAs } from './postgres/run-as.ts';

/** The engines that can run embedded: real PostgreSQL, or dynalite, an emulator of DynamoDB. */
export type EngineKind = 'postgres' | 'dynamodb';

/** What {@link joinEngine} needs to know. */
export interface JoinOptions {
  readonly kind: EngineKind;
  /** Data lives in `<dataDir>/postgres` or `<dataDir>/dynamodb`; both are made when missing. */
  readonly dataDir: string;
  /**
   * `false` turns `fsync` and its kin off, for tests: a crash of the machine may lose data, a crash of
   * processes does not. Whoever starts the engine decides; a later joiner takes what runs. Default: `true`.
   */
  readonly durable?: boolean;
  /** How long to wait for the engine before giving up, in ms. Default: 60,000. */
  readonly timeoutMs?: number;
  /** How PostgreSQL is started by root; by default whichever way works is taken. */
  readonly runAs?: RunAs;
}

/** A process's share in an engine that runs as long as anyone shares it. */
export interface EmbeddedEngine {
  /** `postgres://user:password@127.0.0.1:port/db` or `http://127.0.0.1:port`; stays valid if the engine restarts. */
  readonly url: string;
  /** `true` when this call started the engine, `false` when it joined a running one. */
  readonly started: boolean;
  /** Ends this process's membership. Idempotent; a process that dies has left too. */
  leave(): Promise<void>;
}

const REJOIN_PAUSE_MS = 2_000;

/**
 * Joins the embedded engine of a data directory, starting it when nobody runs it. All processes that join
 * with one `dataDir` share one engine; it stops within seconds of the last one leaving or dying.
 *
 * A membership does not keep the process alive.
 *
 * @throws EngineUnavailable when the engine cannot be started; the message carries the tail of its log.
 */
export async function joinEngine(options: JoinOptions): Promise<EmbeddedEngine> {
  const dir = resolve(options.dataDir, options.kind);
  openDirectory(dir);
  const request = {
    kind: options.kind,
    dir,
    durable: options.durable ?? true,
    timeoutMs: options.timeoutMs ?? 60_000,
    runAs: options.runAs,
  };
  const left = new AbortController();
  const first = await joinSupervisor({ ...request, keepAlive: true, signal: left.signal });
  let membership: Membership = first;
  let warned = false;

  // The supervisor died: whoever notices first starts the next one, on the same port.
  const rejoin = async (): Promise<void> => {
    while (!left.signal.aborted) {
      try {
        membership = await joinSupervisor({ ...request, keepAlive: false, signal: left.signal });
        if (left.signal.aborted) return await membership.leave();
        membership.lost.then(rejoin);
        if (membership.url !== first.url) {
          warn(`The embedded ${options.kind} engine came back at another address; restart this process.`);
        }
        return;
      } catch (error) {
        if (left.signal.aborted) return;
        if (!warned) warn(`The embedded ${options.kind} engine is gone: ${(error as Error).message}`);
        warned = true;
        await pause(REJOIN_PAUSE_MS);
      }
    }
  };
  membership.lost.then(rejoin);

  return {
    url: first.url,
    started: first.started,
    leave: async () => {
      left.abort();
      await membership.leave();
    },
  };
}

function openDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new EngineUnavailable(`cannot create the data directory: ${(error as Error).message}`, {
      cause: error,
    });
  }
  // Root could write there all the same, and lock the owner out of his own data.
  const { uid } = statSync(dir);
  if (process.getuid && process.getuid() !== uid) {
    throw new EngineUnavailable(
      `${dir} belongs to the user with id ${uid}: run as that user, or use another DATA_DIR`,
    );
  }
}

function warn(message: string): void {
  process.emitWarning(message, 'EmbeddedEngineWarning');
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms).unref());
}
