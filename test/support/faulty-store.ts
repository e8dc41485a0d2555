import { StoreNotSetUp, StoreUnavailable } from '../../src/domain/errors.ts';
import type { LiveSession } from '../../src/domain/session.ts';
import type { EventAppend, EventLog, EventPage, EventQuery } from '../../src/ports/event-log.ts';
import type { Signals, SignalTopic } from '../../src/ports/signals.ts';
import type { Store } from '../../src/ports/store.ts';

/**
 * What is to become of an append: that of a healthy store, nothing at all, an error although it was made, or the error
 * of a store whose table is not there.
 */
export type Fate = 'made' | 'refused' | 'made and lost' | 'without a table';

/** A store whose event log and signals fail as a test tells them to. */
export class FaultyStore {
  /** Decides each append. */
  fate: (append: EventAppend) => Fate = () => 'made';
  /** True while nothing can be read of streams. */
  isBlind = false;
  /** True while nobody is told of what is appended here. */
  isMute = false;
  /** How many operations failed. */
  failures = 0;

  /** The store as it seems from now on. */
  wrap(store: Store): Store {
    return { ...store, events: this.#log(store.events), signals: this.#signals(store.signals) };
  }

  #log(log: EventLog): EventLog {
    const seeing = <T>(read: () => Promise<T>): Promise<T> => (this.isBlind ? this.#fail() : read());
    return {
      append: async (session: LiveSession, append: EventAppend, now: number): Promise<number> => {
        const fate = this.fate(append);
        if (fate === 'refused') return this.#fail();
        if (fate === 'without a table') throw new StoreNotSetUp('A table is missing', 'setup');
        const sequence = await log.append(session, append, now);
        return fate === 'made' ? sequence : this.#fail();
      },
      read: (session: LiveSession, query: EventQuery, now: number): Promise<EventPage> =>
        seeing(() => log.read(session, query, now)),
      lastSequence: (session: LiveSession, stream: string, now: number): Promise<number> =>
        seeing(() => log.lastSequence(session, stream, now)),
    };
  }

  #signals(signals: Signals): Signals {
    return {
      tellsOfSessions: signals.tellsOfSessions,
      publish: async (topic: SignalTopic): Promise<void> => {
        if (!this.isMute) await signals.publish(topic);
      },
      watch: (topic, onSignal) => signals.watch(topic, onSignal),
    };
  }

  async #fail(): Promise<never> {
    this.failures += 1;
    throw new StoreUnavailable();
  }
}
