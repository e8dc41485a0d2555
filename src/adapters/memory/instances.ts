import type { Instances } from '../../ports/instances.ts';
import type { MemoryData } from './data.ts';

/** The executable specification of the port. `MemorySessionRepository` sweeps. */
export class MemoryInstances implements Instances {
  readonly #data: MemoryData;

  constructor(data: MemoryData) {
    this.#data = data;
  }

  async beat(instance: string, now: number): Promise<void> {
    const { beats, seenAt } = this.#data.instances.get(instance) ?? { beats: 0, seenAt: now };
    this.#data.instances.set(instance, { beats: beats + 1, seenAt: Math.max(seenAt, now) });
  }

  async beats(instance: string): Promise<number | undefined> {
    return this.#data.instances.get(instance)?.beats;
  }

  async forget(instance: string): Promise<void> {
    this.#data.instances.delete(instance);
  }
}
