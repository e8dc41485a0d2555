import { InstanceFull, QuotaExceeded } from './errors.ts';
import type { Limits } from './limits.ts';
import type { SessionRef } from './session.ts';

/** Who wants a place. */
export interface Occupant {
  /** Absent for callers without a session. */
  readonly ref?: SessionRef | undefined;
  /**
   * The stream that is to be connected to. Whoever takes one over from another connection needs no further place in
   * the session: a client comes back before the server knows that it was gone. Of the connections that were taken
   * over there may be as many as of places.
   */
  readonly stream?: string | undefined;
}

interface SessionPlaces {
  calls: number;
  /** Connections to streams that others have taken over since, and that have not ended yet. */
  takenOver: number;
  /** Connections to each stream. */
  readonly streams: Map<string, number>;
}

/** The calls that run and the streams that are open on one instance. */
export class Occupancy {
  readonly #limits: Pick<Limits, 'streamsPerSession' | 'streamsPerInstance'>;
  readonly #sessions = new Map<SessionRef, SessionPlaces>();
  #size = 0;

  constructor(limits: Pick<Limits, 'streamsPerSession' | 'streamsPerInstance'>) {
    this.#limits = limits;
  }

  /** How many places are taken. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes a place. To be called before anything is done.
   * @returns gives it back; calling it again does nothing
   * @throws QuotaExceeded, InstanceFull
   */
  take({ ref, stream }: Occupant = {}): () => void {
    const { streamsPerInstance } = this.#limits;
    if (this.#size >= streamsPerInstance) {
      throw new InstanceFull(
        `streams: this instance has ${streamsPerInstance} calls and streams at one time already, the most allowed. ` +
          'Try again shortly.',
        streamsPerInstance,
      );
    }
    const leave = ref === undefined ? undefined : this.#takeIn(ref, stream);
    this.#size += 1;
    let isLeft = false;
    return () => {
      if (isLeft) return;
      isLeft = true;
      this.#size -= 1;
      leave?.();
    };
  }

  #takeIn(ref: SessionRef, stream: string | undefined): () => void {
    const { streamsPerSession } = this.#limits;
    const places = this.#sessions.get(ref) ?? { calls: 0, takenOver: 0, streams: new Map<string, number>() };
    const connections = stream === undefined ? 0 : (places.streams.get(stream) ?? 0);
    if (connections === 0 && places.calls + places.streams.size >= streamsPerSession) {
      throw new QuotaExceeded(
        `streams: this session has ${streamsPerSession} calls and streams at one time already, the most allowed. ` +
          'Wait for one to end.',
        streamsPerSession,
      );
    }
    if (connections > 0 && places.takenOver >= streamsPerSession) {
      throw new QuotaExceeded(
        `streams: ${streamsPerSession} older connections to streams of this session have not ended yet, the most ` +
          'allowed. End them, or wait.',
        streamsPerSession,
      );
    }
    this.#sessions.set(ref, places);
    if (connections > 0) places.takenOver += 1;
    if (stream === undefined) places.calls += 1;
    else places.streams.set(stream, connections + 1);
    return () => {
      if (stream === undefined) places.calls -= 1;
      else leaveStream(places, stream);
      if (places.calls + places.streams.size === 0) this.#sessions.delete(ref);
    };
  }
}

function leaveStream(places: SessionPlaces, stream: string): void {
  const left = (places.streams.get(stream) ?? 0) - 1;
  if (left > 0) {
    places.streams.set(stream, left);
    places.takenOver -= 1;
  } else places.streams.delete(stream);
}
