import type { RunningContender } from '../contenders/contender.ts';

/** What a contender's instances have used, summed up: CPU in microseconds, memory in bytes. */
export async function usageOf({
  instances,
}: RunningContender): Promise<{ cpuMicros: number; peakBytes: number }> {
  const usages = await Promise.all(instances.map((each) => each.usage()));
  return {
    cpuMicros: usages.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0),
    peakBytes: usages.reduce((sum, { peakBytes }) => sum + peakBytes, 0),
  };
}
