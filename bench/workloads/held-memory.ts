import { setTimeout as pause } from 'node:timers/promises';
import type { ServerProcess } from '../contenders/server-process.ts';

const COLLECTIONS = 4;
const BETWEEN_MS = 100;
const KILOBYTE = 1_000;

/** What a server holds after its garbage is collected, in KB of 1,000 bytes. */
export interface HeldMemory {
  /** Objects, and the buffers that they hold outside of the heap. */
  readonly held: number;
  /** Of the whole process, in the machine's memory: this depends on when the runtime gives memory back, too. */
  readonly resident: number;
}

/** What is held once all that just ended is let go of: some of it by timers, some by a collection itself. */
export async function heldMemory(server: ServerProcess): Promise<HeldMemory> {
  for (let collection = 1; collection < COLLECTIONS; collection += 1) {
    await server.usage({ collectGarbage: true });
    await pause(BETWEEN_MS);
  }
  const { heapBytes, residentBytes } = await server.usage({ collectGarbage: true });
  return { held: heapBytes / KILOBYTE, resident: residentBytes / KILOBYTE };
}

/** What each of `count` things costs that came between two measurements. */
export function costOfEach(before: HeldMemory, after: HeldMemory, count: number): HeldMemory {
  return {
    held: (after.held - before.held) / count,
    resident: (after.resident - before.resident) / count,
  };
}
