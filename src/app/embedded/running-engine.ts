import type { RunAs } from './postgres/run-as.ts';

/** An engine as its supervisor holds it. */
export interface RunningEngine {
  readonly url: string;
  /** Its process, when that is not the supervisor's own; `pidFile` is below the engine's directory. */
  readonly process?: { readonly pid: number; readonly pidFile: string };
  /** True when a process of a former supervisor was taken over rather than a new one started. */
  readonly adopted: boolean;
  /** Resolves, with a reason for the log, when the engine ended without having been stopped. */
  readonly died: Promise<string>;
  /** Stops it cleanly; by force when that takes too long. */
  stop(): Promise<void>;
}

/** Starts an engine on the data below `dir`, on the port of its last run when that is free. */
export type StartEngine = (dir: string, options: EngineOptions) => Promise<RunningEngine>;

/** What a start may vary. */
export interface EngineOptions {
  readonly durable: boolean;
  readonly runAs: RunAs | undefined;
  readonly log: (message: string) => void;
}
