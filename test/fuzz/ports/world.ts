import { createHash } from 'node:crypto';
import { memoryStore, sharedMemory } from '../../../src/adapters/memory/store.ts';
import { INSTANCE_KEPT_MS } from '../../../src/domain/limits.ts';
import type { Principal } from '../../../src/domain/principal.ts';
import { type Session, sessionRef } from '../../../src/domain/session.ts';
import type { Store } from '../../../src/ports/store.ts';
import { HOUR, NOW, newSession } from '../../contract/fixtures.ts';
import type { Capabilities } from '../../contract/harness.ts';
import { FakeClock } from '../../support/fake-clock.ts';

export const SLOTS = 3;
export const INSTANCES = 2;
export const STREAMS = ['s', 's-1', 'S'] as const;
export type StreamName = (typeof STREAMS)[number];

/** What the adapter is: two instances on one engine. */
export interface Tested {
  readonly stores: readonly [Store, Store];
  readonly capabilities: Capabilities;
}

export interface PastEvent {
  readonly data: string;
  readonly end: boolean;
  readonly expiresAt: number;
}

/** One session of a run, which may not have been created yet. */
export interface Slot {
  /** As a caller read it first, and as one read it last. */
  first: Session;
  last: Session;
  isCreated: boolean;
  /** Deleted, or expired when a sweep came: its reference is free in one store and taken in another. */
  isRemoved: boolean;
  /** All events that a stream ever had, from sequence 1 on. */
  readonly history: Map<StreamName, PastEvent[]>;
}

/** What is expected of an adapter: the memory adapter, and what callers of both have learned. */
export class World {
  readonly clock = new FakeClock(NOW);
  readonly memory: Store = memoryStore(sharedMemory());
  readonly slots: readonly Slot[];
  readonly principals: readonly Principal[];
  readonly instances: readonly string[];
  readonly lastBeats = new Map<string, number>();

  /** @param run other than all others on the same engine */
  constructor(run: string) {
    this.slots = Array.from({ length: SLOTS }, (_, slot) => {
      const session = newSession({ ref: sessionRef(`${run}/${slot}`) });
      return { first: session, last: session, isCreated: false, isRemoved: false, history: new Map() };
    });
    // Together they are the same text.
    this.principals = [
      { issuer: run, subject: 'ab' },
      { issuer: `${run}a`, subject: 'b' },
    ];
    this.instances = Array.from({ length: INSTANCES }, (_, instance) =>
      createHash('sha256').update(`${run}/${instance}`).digest('hex').slice(0, 16),
    );
  }

  now(): number {
    return this.clock.now();
  }

  slot(index: number): Slot {
    return this.slots[index] as Slot;
  }

  /** A store may have forgotten it, or not. */
  isForgettable(instance: string): boolean {
    const lastBeat = this.lastBeats.get(instance);
    return lastBeat !== undefined && lastBeat + INSTANCE_KEPT_MS <= this.now();
  }

  /** All sessions but one are there from the beginning; those that nobody opened have runs enough of their own. */
  async open({ stores: [store] }: Tested): Promise<void> {
    for (const [index, slot] of this.slots.slice(1).entries()) {
      const times = { expiresAt: NOW + 2 * HOUR, endsAt: NOW + 30 * 24 * HOUR };
      const session: Session = { ...slot.first, ...times, principal: this.principals[index] };
      for (const each of [this.memory, store]) await each.sessions.create(session);
      Object.assign(slot, { first: session, last: session, isCreated: true });
    }
  }

  /** Removes from the adapter's engine what the run left there, so that the next one's sweeps count their own. */
  async cleanUp({ stores: [store] }: Tested): Promise<void> {
    for (const { first } of this.slots) await store.sessions.delete(first.ref, this.now());
    for (const instance of this.instances) await store.instances.forget(instance);
  }
}
