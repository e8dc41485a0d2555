import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/domain/session.ts';
import type { Store } from '../../src/ports/store.ts';
import { eventually, NOW, newSession, times } from './fixtures.ts';
import type { HarnessFactory, StoreHarness } from './harness.ts';

/** `Signals`. Two instances, `a` and `b`, on one engine. */
export function signalsContract(makeHarness: HarnessFactory): void {
  describe('signals', () => {
    let harness: StoreHarness;
    let a: Store;
    let b: Store;

    const openSession = async (): Promise<Session> => {
      const session = newSession();
      await a.sessions.create(session);
      return session;
    };
    /** Appends an event and signals it, as whoever emits a message does. */
    const emit = async (store: Store, session: Session, stream: string): Promise<void> => {
      await store.events.append(session, { stream, data: ['1'], expiresAt: session.endsAt, keep: 100 }, NOW);
      await store.signals.publish({ ref: session.ref, stream });
    };

    beforeAll(async () => {
      harness = await makeHarness();
      a = await harness.open();
      b = await harness.open();
    });
    afterAll(() => harness?.close());

    it.each(['the same', 'another'])('tells a watcher on %s instance of an appended event', async (where) => {
      const session = await openSession();
      const watching = where === 'another' ? b : a;
      let calls = 0;
      const unwatch = watching.signals.watch({ ref: session.ref, stream: 's' }, () => {
        calls += 1;
      });
      for (let round = 1; round <= 3; round += 1) {
        const before = calls;
        await emit(a, session, 's');
        await eventually(() => calls > before, `signal ${round}`);
      }
      unwatch();
    });

    it('tells every watcher of one topic', async () => {
      const session = await openSession();
      const called = new Set<number>();
      const unwatch = times(3, (index) =>
        (index % 2 ? a : b).signals.watch({ ref: session.ref, stream: 's' }, () => called.add(index)),
      );
      await emit(a, session, 's');
      await eventually(() => called.size === 3, 'all three watchers');
      for (const stop of unwatch) stop();
    });

    it('does not call who stopped watching, and stopping twice is harmless', async () => {
      const session = await openSession();
      let stopped = 0;
      let kept = 0;
      const topic = { ref: session.ref, stream: 's' };
      const unwatch = b.signals.watch(topic, () => {
        stopped += 1;
      });
      const keep = b.signals.watch(topic, () => {
        kept += 1;
      });
      unwatch();
      unwatch();
      await emit(a, session, 's');
      await eventually(() => kept > 0, 'the watcher that stayed');
      expect(stopped).toBe(0);
      keep();
    });

    it('keeps topics apart: sessions, streams, and a session from its streams', async () => {
      const [one, other] = [await openSession(), await openSession()];
      const wrong: string[] = [];
      let right = 0;
      const unwatch = [
        a.signals.watch({ ref: one.ref, stream: 's' }, () => {
          right += 1;
        }),
        a.signals.watch({ ref: one.ref, stream: 't' }, () => wrong.push('other stream')),
        a.signals.watch({ ref: other.ref, stream: 's' }, () => wrong.push('other session')),
        a.signals.watch({ ref: one.ref }, () => wrong.push('the session itself')),
      ];
      await emit(a, one, 's');
      await eventually(() => right > 0, 'the right watcher');
      expect(wrong).toEqual([]);
      for (const stop of unwatch) stop();
    });

    it('tells of a changed session', async () => {
      const session = await openSession();
      let calls = 0;
      const watching = a.signals.tellsOfSessions ? b : a;
      const unwatch = watching.signals.watch({ ref: session.ref }, () => {
        calls += 1;
      });
      await a.signals.publish({ ref: session.ref });
      await eventually(() => calls > 0, 'the signal');
      unwatch();
    });

    // Catches: whoever waits for a stream's next event, and does so for ever after its session was deleted.
    it('tells of a stream that vanished with its session, deleted on another instance', async () => {
      // Where that takes longer than one cares to wait, the adapter's own test has it look sooner.
      const { catchesUpWithinMs } = harness.capabilities;
      if (catchesUpWithinMs > 5_000) return;
      const session = await openSession();
      await emit(a, session, 's');
      let calls = 0;
      const unwatch = b.signals.watch({ ref: session.ref, stream: 's' }, () => {
        calls += 1;
      });
      await a.sessions.delete(session.ref, NOW);
      await eventually(() => calls > 0, 'the call', catchesUpWithinMs + 5_000);
      unwatch();
    });

    it('publishes to nobody without complaint', async () => {
      await a.signals.publish({ ref: newSession().ref, stream: 'nobody' });
    });
  });
}
