import type { SessionRef } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';

/** What an adapter does differently from the memory adapter, as data, each with its reason. */
export interface Capabilities {
  /** False where the engine removes expired items by itself, so that `deleteExpired` has nothing to do. */
  readonly sweeps: boolean;
  /** Within how long a watcher is told that its stream vanished, though no signal came, in ms. */
  readonly catchesUpWithinMs: number;
  /** How many events beyond `keep` a trimmed stream may still hold. */
  readonly trimSlack: number;
}

/** One engine, made ready for one test file. */
export interface StoreHarness {
  readonly capabilities: Capabilities;
  /** A store over the file's data. Each call gives another instance; the harness closes them. */
  open(): Promise<Store>;
  /**
   * The rows or items that the engine holds of one session, wherever they lie: past the adapter, so that what
   * an adapter hides is seen.
   */
  countRows(ref: SessionRef): Promise<number>;
  /**
   * Takes the events behind `sequence` out of a stream, past the adapter, as a restore to an earlier time does, or a
   * failover to a replica that lacked them.
   */
  setBack(ref: SessionRef, stream: string, sequence: number): Promise<void>;
  /** Everything that the engine holds, as text. */
  dump(): Promise<string>;
  close(): Promise<void>;
}

/** Makes a harness, or says why that cannot be done on this machine. */
export type HarnessFactory = () => Promise<StoreHarness>;
