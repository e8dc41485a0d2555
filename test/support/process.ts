import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A program that runs in a process of its own, with its output kept for when it fails. */
export class NodeProcess {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #exited: Promise<number | null>;

  /** @param args of `node`, the program's file first or after options */
  constructor(args: readonly string[], cwd: string, environment: Record<string, string>) {
    this.child = spawn(process.execPath, args, {
      cwd,
      env: { ...cleanEnvironment(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.#exited = once(this.child, 'close').then(() => this.child.exitCode);
  }

  /** The exit code; `null` if a signal ended it. */
  exit(): Promise<number | null> {
    return this.#exited;
  }

  /** The endpoint's URL, as the ready line names it. */
  async ready(deadlineMs = 30_000): Promise<string> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const url = /listening on (\S+)/.exec(this.stdout)?.[1];
      if (url !== undefined) return url;
      if (this.child.exitCode !== null || this.child.signalCode !== null || Date.now() > deadline) {
        throw new Error(`did not become ready:\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async kill(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return this.exit();
  }
}

/** A command of the project, run as a person would run it. */
export class CommandProcess extends NodeProcess {
  /** @param script a file in `src/app/cli`, or a path from the project's root; run from source */
  constructor(script: string, args: readonly string[], environment: Record<string, string>) {
    const program = script.includes('/')
      ? ['--import', 'tsx', script]
      : ['scripts/run.mjs', `src/app/cli/${script}`];
    super([...program, ...args], ROOT, environment);
  }
}

/** Settings of whoever runs the tests must not reach what is tested. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const ours =
    /^(AWS_|AUTH_|DATABASE_|SESSION_|MAX_|ALLOW|MCP_|CONFIRM_|CREATE_|DRAIN_|EVENT_|IDEMPOTENCY_|REQUEST_STATE_|(PORT|HOST|DATA_DIR|LOG_LEVEL)$)/;
  const kept = Object.entries(process.env).filter(([name]) => !ours.test(name));
  // Real credentials of this machine must not be looked up, let alone used.
  return { ...Object.fromEntries(kept), AWS_EC2_METADATA_DISABLED: 'true' };
}
