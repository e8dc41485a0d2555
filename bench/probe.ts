/*
 * Loaded into each server process: tells the benchmark, over IPC, what the process has used. A process knows this of
 * itself on every platform.
 */

export interface ProbeRequest {
  readonly probe: number;
  /** Whether garbage is collected first, so that memory is what the process holds. */
  readonly collectGarbage: boolean;
}

/** What one process has used since it started. */
export interface ProcessUsage {
  /** User and system, in microseconds. */
  readonly cpuMicros: number;
  /** The most memory that was ever resident, in bytes. */
  readonly peakBytes: number;
  /** Memory that is resident now, in bytes. */
  readonly residentBytes: number;
  /** Objects, and the buffers that they hold outside of the heap, in bytes. */
  readonly heapBytes: number;
}

export interface ProbeReply {
  readonly probe: number;
  readonly usage: ProcessUsage;
}

process.on('message', (message) => {
  const { probe, collectGarbage } = message as Partial<ProbeRequest>;
  if (probe === undefined) return;
  if (collectGarbage === true) globalThis.gc?.();
  process.send?.({ probe, usage: usage() } satisfies ProbeReply);
});

// The benchmark is gone, however it ended: nobody else would stop this server.
process.once('disconnect', () => process.exit(1));

// Listening must not keep a server from ending by itself.
process.channel?.unref();

function usage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { maxRSS } = process.resourceUsage();
  return {
    cpuMicros: user + system,
    peakBytes: maxRSS * 1_024,
    residentBytes: rss,
    heapBytes: heapUsed + external,
  };
}
