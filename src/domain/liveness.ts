import type { Clock } from '../ports/clock.ts';
import type { Instances } from '../ports/instances.ts';
import type { InstanceId } from './stream-name.ts';

/** How often an instance that owns something beats, and how often one that waits for it looks. */
export const BEAT_MS = 3_000;
/** Looks in a row that find the same count, after which its owner is taken for dead: 12 seconds. */
export const STILL_LOOKS = 4;

interface Observation {
  readonly onDead: Set<() => void>;
  count: number | undefined;
  stillLooks: number;
  cancel: () => void;
}

/**
 * Shows other instances that this one is alive while it owns running calls, and finds out when another is not.
 *
 * Alive is whose count moves while somebody looks: no two machines' clocks are compared. Dead is only a
 * suspicion. What makes it true is the end that is then appended to the stream, after which its owner can append
 * nothing more.
 */
export class Liveness {
  readonly instance: InstanceId;
  readonly #instances: Instances;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  readonly #observations = new Map<InstanceId, Observation>();
  #held = 0;
  #isClosed = false;
  #beating: Promise<void> | undefined;
  #cancelBeat: (() => void) | undefined;

  constructor(options: {
    readonly instance: InstanceId;
    readonly instances: Instances;
    readonly clock: Clock;
    readonly onError: (error: unknown) => void;
  }) {
    this.instance = options.instance;
    this.#instances = options.instances;
    this.#clock = options.clock;
    this.#onError = options.onError;
  }

  /**
   * Beats until the returned function is called. The first beat is in the store when this resolves, so that
   * nobody who then meets this instance's name takes it for dead.
   * @throws StoreUnavailable
   */
  async hold(): Promise<() => void> {
    this.#held += 1;
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      this.#held -= 1;
      if (this.#held > 0) return;
      this.#cancelBeat?.();
      this.#cancelBeat = undefined;
      this.#beating = undefined;
    };
    try {
      this.#beating ??= this.#start();
      await this.#beating;
      return release;
    } catch (error) {
      this.#beating = undefined;
      release();
      throw error;
    }
  }

  /**
   * Whether an instance of that name may wait for something: all that do have beaten before. False also of one that has
   * ended in order, or could not beat for an hour.
   * @throws StoreUnavailable
   */
  async isKnown(instance: InstanceId): Promise<boolean> {
    return (await this.#instances.beats(instance)) !== undefined;
  }

  /**
   * Calls `onDead` whenever `owner` showed no life for {@link STILL_LOOKS} looks, or is not known at all, until the
   * returned function is called.
   */
  observe(owner: InstanceId, onDead: () => void): () => void {
    const known = this.#observations.get(owner);
    const observation = known ?? { onDead: new Set(), count: undefined, stillLooks: -1, cancel: () => {} };
    observation.onDead.add(onDead);
    if (known === undefined) {
      this.#observations.set(owner, observation);
      void this.#look(owner, observation);
    }
    return () => {
      observation.onDead.delete(onDead);
      if (observation.onDead.size > 0 || this.#observations.get(owner) !== observation) return;
      observation.cancel();
      this.#observations.delete(owner);
    };
  }

  /** Ends beating and looking, and takes this instance's name out of the store. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelBeat?.();
    for (const { cancel, onDead } of this.#observations.values()) {
      cancel();
      onDead.clear();
    }
    this.#observations.clear();
    await this.#instances.forget(this.instance);
  }

  async #start(): Promise<void> {
    await this.#instances.beat(this.instance, this.#clock.now());
    this.#scheduleBeat();
  }

  #scheduleBeat(): void {
    this.#cancelBeat?.();
    if (this.#held > 0 && !this.#isClosed)
      this.#cancelBeat = this.#clock.schedule(BEAT_MS, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    try {
      await this.#instances.beat(this.instance, this.#clock.now());
    } catch (error) {
      this.#onError(error);
    }
    this.#scheduleBeat();
  }

  async #look(owner: InstanceId, observation: Observation): Promise<void> {
    try {
      const count = await this.#instances.beats(owner);
      if (observation.onDead.size === 0) return;
      observation.stillLooks = count === observation.count ? observation.stillLooks + 1 : 0;
      observation.count = count;
      // An owner beats before it names itself: one that is not known has ended or was gone for an hour.
      if (count === undefined || observation.stillLooks >= STILL_LOOKS) {
        observation.stillLooks = 0;
        for (const onDead of [...observation.onDead]) onDead();
      }
    } catch (error) {
      this.#onError(error);
    }
    if (observation.onDead.size > 0)
      observation.cancel = this.#clock.schedule(BEAT_MS, () => void this.#look(owner, observation));
  }
}
