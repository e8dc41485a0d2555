import { describe, expect, it } from 'vitest';
import { openTables } from '../../src/adapters/dynamodb/entities.ts';
import type { Session } from '../../src/domain/session.ts';
import { eventually, NOW, newSession, times } from '../contract/fixtures.ts';
import type { DynamodbFixture } from '../support/dynamodb.ts';
import { intercept, serviceError } from '../support/dynamodb-requests.ts';
import { eachOnDynamodb } from '../support/dynamodb-tests.ts';

describe('signals by polling', () => {
  let fixture: DynamodbFixture;
  let session: Session;

  const append = () =>
    fixture.store.events.append(
      session,
      { stream: 's', data: ['1'], expiresAt: session.endsAt, keep: 9 },
      NOW,
    );
  /** An instance whose polls are counted, by when they came. */
  const watching = () => {
    const { client, store } = fixture.another();
    const polls: number[] = [];
    intercept(client, (sent, next) => {
      if (sent.action === 'Query') polls.push(performance.now());
      return next();
    });
    return { store, polls, client };
  };
  /** Long enough for several polls at the fastest pace: another instance's polls are the clock. */
  const aWhile = async (): Promise<void> => {
    const { store, polls } = watching();
    const unwatch = store.signals.watch({ ref: newSession().ref, stream: 's' }, () => {});
    await eventually(() => polls.length >= 3, 'three polls of another stream');
    unwatch();
  };

  eachOnDynamodb((...made) => {
    [fixture, session] = made;
  });

  // Catches: a poller that outlives its watchers, and so is paid for until the process ends.
  it('ends with the last watcher', async () => {
    const { store, polls } = watching();
    const topic = { ref: session.ref, stream: 's' };
    const unwatch = times(3, () => store.signals.watch(topic, () => {}));
    await eventually(() => polls.length > 0, 'a poll');
    for (const stop of unwatch) stop();
    const before = polls.length;
    await aWhile();
    expect(polls.length).toBe(before);
  });

  it('ends with the store, and then calls nobody', async () => {
    const { store, polls } = watching();
    let calls = 0;
    const onSignal = () => {
      calls += 1;
    };
    const unwatch = store.signals.watch({ ref: session.ref, stream: 's' }, onSignal);
    await eventually(() => polls.length > 0, 'a poll');
    await store.close();
    await store.close();
    const before = polls.length;
    store.signals.watch({ ref: session.ref, stream: 's' }, onSignal);
    await append();
    await store.signals.publish({ ref: session.ref, stream: 's' });
    await aWhile();
    expect([polls.length, calls]).toEqual([before, 0]);
    unwatch();
  });

  // Catches: a poller for each watcher, and a pace that does not slow down.
  it('polls once for all watchers of a stream, ever more rarely while nothing comes', async () => {
    const { store, polls } = watching();
    const unwatch = times(10, () => store.signals.watch({ ref: session.ref, stream: 's' }, () => {}));
    await eventually(() => polls.length >= 4, 'four polls');
    for (const stop of unwatch) stop();
    const waits = polls.slice(1).map((at, index) => at - (polls[index] ?? 0));
    expect(waits[0]).toBeGreaterThan(150);
    expect(waits[2]).toBeGreaterThan(600);
  });

  it('does not poll for sessions', async () => {
    const { store, polls } = watching();
    const unwatch = store.signals.watch({ ref: session.ref }, () => {});
    await aWhile();
    expect(polls).toEqual([]);
    unwatch();
  });

  // Catches: a poller that a single error ends, and a report for each of thousands of failing polls.
  it('reports an outage once, and goes on after it', async () => {
    const { store, client } = watching();
    let down = true;
    let failures = 0;
    intercept(client, async (sent, next) => {
      if (sent.action !== 'Query' || !down) return next();
      failures += 1;
      throw serviceError('ThrottlingException');
    });
    let calls = 0;
    const unwatch = store.signals.watch({ ref: session.ref, stream: 's' }, () => {
      calls += 1;
    });
    await eventually(() => failures >= 3, 'three failed polls');
    expect(fixture.errors.splice(0)).toHaveLength(1);
    down = false;
    await append();
    await eventually(() => calls > 0, 'the signal');
    unwatch();
  });

  describe('of a stream that vanished', () => {
    /** As DynamoDB does by the TTL attribute. */
    const expire = async (): Promise<void> => {
      const { records } = openTables(fixture.client, fixture.tableName);
      await records.delete({ ref: session.ref, stream: 's', first: 1 }).go();
    };
    /** A watcher that was called for the stream's one event, and has waited since. */
    const idle = async () => {
      await append();
      const { store, polls } = watching();
      const watcher = { calls: 0, polls, unwatch: () => {} };
      watcher.unwatch = store.signals.watch({ ref: session.ref, stream: 's' }, () => {
        watcher.calls += 1;
      });
      await eventually(() => polls.length >= 4, 'four polls');
      expect(watcher.calls).toBe(1);
      return watcher;
    };

    // Catches: a look past the newest event, to which a stream that is gone is as idle as one that is there.
    it.each([
      ['session was deleted', () => fixture.store.sessions.delete(session.ref, NOW)],
      ['event expired', expire],
    ])('because its %s: once', async (_why, vanish) => {
      const watcher = await idle();
      await vanish();
      await eventually(() => watcher.calls === 2, 'the signal', 5_000);
      const before = watcher.polls.length;
      await eventually(() => watcher.polls.length >= before + 3, 'three more polls');
      expect(watcher.calls).toBe(2);
      watcher.unwatch();
    });

    // Catches: a stream known by its sequence alone.
    it('and began anew, where the last one ended', async () => {
      const watcher = await idle();
      await expire();
      await append();
      await eventually(() => watcher.calls >= 2, 'the signal', 5_000);
      watcher.unwatch();
    });

    // Catches: a deletion that nobody notices, because nothing was known of the stream before.
    it('before the first poll: once, for one GetItem', async () => {
      await append();
      const { store, client, polls } = watching();
      let [calls, sessionReads] = [0, 0];
      intercept(client, async (sent, next) => {
        if (sent.action === 'GetItem') sessionReads += 1;
        if (polls.length === 1) await fixture.store.sessions.delete(session.ref, NOW);
        return next();
      });
      const unwatch = store.signals.watch({ ref: session.ref, stream: 's' }, () => {
        calls += 1;
      });
      await eventually(() => calls > 0, 'the signal');
      await eventually(() => polls.length >= 4, 'three more polls');
      expect([calls, sessionReads]).toEqual([1, 1]);
      unwatch();
    });

    // Catches: a table that was set back, and is looked at as if a stream in it had only changed.
    it('in part, or was made anew: in doubt', async () => {
      await append();
      await append();
      const { store } = watching();
      const doubts: boolean[] = [];
      const unwatch = store.signals.watch({ ref: session.ref, stream: 's' }, (isInDoubt) =>
        doubts.push(isInDoubt),
      );
      await eventually(() => doubts.length === 1, 'the first signal');
      const { records } = openTables(fixture.client, fixture.tableName);
      await records.delete({ ref: session.ref, stream: 's', first: 2 }).go();
      await eventually(() => doubts.length >= 2, 'the signal of what is lost', 5_000);
      expect(doubts.slice(0, 2)).toEqual([false, true]);
      unwatch();
    });

    it('is not what an empty stream is taken for', async () => {
      const { store, polls } = watching();
      let calls = 0;
      const unwatch = store.signals.watch({ ref: session.ref, stream: 's' }, () => {
        calls += 1;
      });
      await eventually(() => polls.length >= 4, 'four polls');
      expect(calls).toBe(0);
      unwatch();
    });
  });

  // Catches: a signal lost because the event was appended between `watch` and the first poll.
  it('signals what was there before the first poll', async () => {
    const { store } = watching();
    let calls = 0;
    const unwatch = store.signals.watch({ ref: session.ref, stream: 's' }, () => {
      calls += 1;
    });
    await append();
    await eventually(() => calls === 1, 'the signal');
    await aWhile();
    expect(calls).toBe(1);
    unwatch();
  });
});
