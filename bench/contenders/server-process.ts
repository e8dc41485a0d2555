import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ProbeReply, ProbeRequest, ProcessUsage } from '../probe.ts';
import { probeArguments, ROOT } from '../project.ts';

const READY_MS = 60_000;
const PROBE_MS = 30_000;
const STOP_MS = 10_000;
const KEPT_OUTPUT = 8_000;

/** A server in a process of its own, which answers for what it uses. */
export class ServerProcess {
  /** Where it listens, such as `http://127.0.0.1:40001`. */
  readonly origin: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (usage: ProcessUsage) => void>();
  #lastProbe = 0;

  private constructor(child: ChildProcess, origin: string) {
    this.#child = child;
    this.origin = origin;
    child.on('message', (message) => {
      const { probe, usage } = message as ProbeReply;
      this.#waiting.get(probe)?.(usage);
      this.#waiting.delete(probe);
    });
  }

  /**
   * Starts a program that writes `listening on <URL>` to its standard output once it is ready.
   *
   * @param args of `node`: the program's file and its own arguments
   * @throws if it ends or is not ready in time, with what it wrote
   */
  static async start(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<ServerProcess> {
    const child = spawn(process.execPath, [...probeArguments(), ...args], {
      cwd: ROOT,
      env: { ...cleanEnvironment(), NODE_ENV: 'production', ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    try {
      return new ServerProcess(child, await originOf(child, args.join(' ')));
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** What the process has used since it started. */
  usage(options: { readonly collectGarbage?: boolean } = {}): Promise<ProcessUsage> {
    this.#lastProbe += 1;
    const probe = this.#lastProbe;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.origin} does not answer its probe`)), PROBE_MS);
      this.#waiting.set(probe, (usage) => {
        clearTimeout(timer);
        resolve(usage);
      });
      const request: ProbeRequest = { probe, collectGarbage: options.collectGarbage ?? false };
      this.#child.send(request, (error) => {
        if (error === null) return;
        clearTimeout(timer);
        reject(error);
      });
    });
  }

  /** Asks it to stop, and ends it if it does not. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exited;
    clearTimeout(timer);
  }
}

function originOf(child: ChildProcess, command: string): Promise<string> {
  let output = '';
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => reject(new Error(`${command}: ${reason}\n${output}`));
    const timer = setTimeout(() => fail('not ready in time'), READY_MS);
    const read = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
      const url = /listening on (http\S+)/.exec(output)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(new URL(url).origin);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      fail(`ended with ${signal ?? code}`);
    });
  });
}

/** Settings of whoever runs the benchmark must not reach what is measured. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const settings =
    /^(AWS_|DATABASE_|SESSION_|MAX_|ALLOW|MCP_|CREATE_|DRAIN_|EVENT_|IDEMPOTENCY_|REQUEST_STATE_|NODE_OPTIONS|(PORT|HOST|DATA_DIR|LOG_LEVEL)$)/;
  const kept = Object.entries(process.env).filter(([name]) => !settings.test(name));
  return { ...Object.fromEntries(kept), AWS_EC2_METADATA_DISABLED: 'true' };
}
