import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SessionNotFound, StreamEnded } from '../../src/domain/errors.ts';
import type { Session } from '../../src/domain/session.ts';
import type { EventAppend } from '../../src/ports/event-log.ts';
import type { Store } from '../../src/ports/store.ts';
import { NOW, newSession, outcomes, times } from './fixtures.ts';
import type { HarnessFactory, StoreHarness } from './harness.ts';

/** `EventLog`. Two instances, `a` and `b`, on one engine; a new session for each test. */
export function eventLogContract(makeHarness: HarnessFactory): void {
  describe('event log', () => {
    let harness: StoreHarness;
    let a: Store;
    let b: Store;
    let session: Session;

    const append = (
      data: string[],
      options: Partial<EventAppend> & { store?: Store; now?: number } = {},
    ): Promise<number> => {
      const { store = a, now = NOW, ...fields } = options;
      return store.events.append(
        session,
        { stream: 's', data, expiresAt: session.endsAt, keep: 1_000, ...fields },
        now,
      );
    };
    const read = (after: number, limit = 100, now = NOW, stream = 's') =>
      b.events.read(session, { stream, after, limit }, now);

    beforeAll(async () => {
      harness = await makeHarness();
      a = await harness.open();
      b = await harness.open();
    });
    afterAll(() => harness?.close());
    beforeEach(async () => {
      session = newSession();
      await a.sessions.create(session);
    });

    it('numbers a stream’s events from 1 and gives them back in order, to the byte', async () => {
      const data = ['{"b":1,"a":"\\u0000\\ud800"}', '{"text":"\u{1f600}"}', 'null'];
      expect(await append([data[0] as string])).toBe(1);
      expect(await append(data.slice(1), { store: b })).toBe(3);
      expect(await read(0)).toEqual({
        events: data.map((text, index) => ({ sequence: index + 1, data: text, end: false })),
        gap: undefined,
      });
    });

    it('reads after a cursor, by pages', async () => {
      await append(times(10, String));
      expect((await read(0, 4)).events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
      expect((await read(4, 4)).events.map(({ sequence }) => sequence)).toEqual([5, 6, 7, 8]);
      expect((await read(8, 4)).events.map(({ sequence }) => sequence)).toEqual([9, 10]);
      expect(await read(10, 4)).toEqual({ events: [], gap: undefined });
    });

    it('knows the last sequence', async () => {
      expect(await a.events.lastSequence(session, 's', NOW)).toBe(0);
      await append(['1', '2', '3']);
      expect(await b.events.lastSequence(session, 's', NOW)).toBe(3);
      expect(await b.events.lastSequence(session, 'other', NOW)).toBe(0);
    });

    // Catches: one sequence or one partition for several streams, and prefixes that run into each other.
    it('keeps the streams of a session, and of sessions, apart', async () => {
      const other = newSession();
      await a.sessions.create(other);
      for (const stream of ['s', 's1', 's-1', 'S', 's_']) await append([`"${stream}"`], { stream });
      await a.events.append(other, { stream: 's', data: ['"other"'], expiresAt: other.endsAt, keep: 5 }, NOW);
      for (const stream of ['s', 's1', 's-1', 'S', 's_']) {
        expect((await read(0, 10, NOW, stream)).events).toEqual([
          { sequence: 1, data: `"${stream}"`, end: false },
        ]);
      }
    });

    it('gives concurrent appenders of different streams no reason to wait or fail', async () => {
      const { errors } = await outcomes(
        times(40, (index) => append(['1'], { stream: `s${index}`, store: index % 2 ? a : b })),
      );
      expect(errors).toEqual([]);
    });

    // Catches: numbers given out before the commit (a sequence, a counter item): a reader then passes over
    // an event that becomes visible late.
    it('shows a tailing reader the events of 20 concurrent appenders without loss or disorder', async () => {
      const perAppender = 15;
      const total = 20 * perAppender;
      const seen: number[] = [];
      const texts = new Set<string>();
      let appending = true;
      const tail = (async () => {
        for (let idle = 0; seen.length < total && idle < 2; ) {
          const page = await b.events.read(session, { stream: 's', after: seen.at(-1) ?? 0, limit: 7 }, NOW);
          expect(page.gap).toBeUndefined();
          for (const event of page.events) {
            expect(event.sequence).toBe(seen.length + 1);
            seen.push(event.sequence);
            texts.add(event.data);
          }
          if (page.events.length === 0 && !appending) idle += 1;
        }
      })();
      const { errors, values } = await outcomes(
        times(20, async (appender) => {
          const sequences: number[] = [];
          for (let index = 0; index < perAppender; index += 1) {
            sequences.push(await append([`"${appender}/${index}"`], { store: appender % 2 ? a : b }));
          }
          return sequences;
        }),
      );
      appending = false;
      await tail;
      expect(errors).toEqual([]);
      expect(seen).toEqual(times(total, (index) => index + 1));
      expect(texts.size).toBe(total);
      expect(values.flat().toSorted((x, y) => x - y)).toEqual(seen);
      for (const own of values) expect(own).toEqual(own.toSorted((x, y) => x - y));
    });

    it('keeps the events of one append together among concurrent ones', async () => {
      await outcomes(times(10, (index) => append([`[${index},0]`, `[${index},1]`, `[${index},2]`])));
      const { events } = await read(0);
      expect(events).toHaveLength(30);
      for (let first = 0; first < 30; first += 3) {
        const parts = events.slice(first, first + 3).map(({ data }) => JSON.parse(data) as [number, number]);
        expect(parts.map(([, part]) => part)).toEqual([0, 1, 2]);
        expect(new Set(parts.map(([appender]) => appender)).size).toBe(1);
      }
    });

    // Catches: an item limit, and a reader that sees the first parts of an event before its last.
    it('shows events larger than a DynamoDB item whole or not at all', async () => {
      const text = (fill: string): string => JSON.stringify(fill.repeat(1_100_000));
      let done = false;
      const reader = (async () => {
        while (!done) {
          for (const { data } of (await read(0)).events) expect(data).toHaveLength(1_100_002);
        }
      })();
      await outcomes(
        ['a', 'b', 'c'].map((fill, index) => append([text(fill)], { store: index % 2 ? a : b })),
      );
      done = true;
      await reader;
      const { events } = await read(0);
      expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
      expect(events.map(({ data }) => data).toSorted()).toEqual(['a', 'b', 'c'].map(text));
    });

    it('splits no character of a large event in two', async () => {
      const data = JSON.stringify('\u{1f600}é'.repeat(150_000));
      await append([data]);
      expect((await read(0)).events[0]?.data === data).toBe(true);
    });

    describe('the end of a stream', () => {
      it('is marked on its last event, and nothing follows it', async () => {
        await append(['1']);
        expect(await append(['2', '3'], { end: true })).toBe(3);
        expect((await read(0)).events.map(({ end }) => end)).toEqual([false, false, true]);
        await expect(append(['4'], { store: b })).rejects.toThrow(StreamEnded);
        await expect(append(['4'], { end: true })).rejects.toThrow(StreamEnded);
        expect(await b.events.lastSequence(session, 's', NOW)).toBe(3);
        expect(await append(['1'], { stream: 'other' })).toBe(1);
      });

      // Catches: a check for the end apart from the write, with which a call could have two outcomes.
      it('comes once: of 20 racing ends and appends nothing lands behind the one end', async () => {
        await append(['0']);
        const ends = times(10, (index) =>
          append([`"end ${index}"`], { end: true, store: index % 2 ? a : b }),
        );
        const appends = times(10, (index) => append([String(index)], { store: index % 2 ? b : a }));
        const [ended, appended] = await Promise.all([outcomes(ends), outcomes(appends)]);
        expect(ended.values).toHaveLength(1);
        for (const error of [...ended.errors, ...appended.errors]) expect(error).toBeInstanceOf(StreamEnded);
        const { events } = await read(0);
        expect(events.filter(({ end }) => end)).toHaveLength(1);
        expect(events.at(-1)?.end).toBe(true);
        expect(events).toHaveLength(2 + appended.values.length);
      });
    });

    describe('trimming', () => {
      // Catches: a silent partial replay.
      it('keeps the newest, and reports to an older cursor exactly what it missed', async () => {
        const keep = 10;
        for (let index = 0; index < 40; index += 1) await append([String(index)], { keep });
        const { events, gap } = await read(0);
        const first = events[0]?.sequence ?? 0;
        expect(events.map(({ sequence }) => sequence)).toEqual(
          times(events.length, (index) => first + index),
        );
        expect(events.at(-1)?.sequence).toBe(40);
        expect(events.length).toBeGreaterThanOrEqual(keep);
        expect(events.length).toBeLessThanOrEqual(keep + harness.capabilities.trimSlack);
        expect(gap).toEqual({ from: 1, to: first - 1 });
        expect((await read(5, 3)).gap).toEqual({ from: 6, to: first - 1 });
        expect((await read(first - 1)).gap).toBeUndefined();
        expect((await read(39)).events).toHaveLength(1);
      });

      it('leaves room in the engine: the rows do not grow with the stream', async () => {
        for (let index = 0; index < 30; index += 1) await append(['1', '2', '3', '4', '5'], { keep: 5 });
        expect(await harness.countRows(session.ref)).toBeLessThanOrEqual(
          5 + harness.capabilities.trimSlack + 5,
        );
      });

      it('goes on counting, also when one append is larger than what is kept', async () => {
        expect(await append(times(8, String), { keep: 3 })).toBe(8);
        expect(await append(['9'], { keep: 3 })).toBe(9);
        expect((await read(8)).events).toEqual([{ sequence: 9, data: '9', end: false }]);
      });
    });

    describe('expiry', () => {
      it('hides an event from its expiresAt on', async () => {
        await append(['1'], { expiresAt: NOW + 100 });
        expect((await read(0, 10, NOW + 99)).events).toHaveLength(1);
        expect(await read(0, 10, NOW + 100)).toEqual({ events: [], gap: undefined });
        expect(await a.events.lastSequence(session, 's', NOW + 100)).toBe(0);
      });

      it('reports expired events as a gap to whoever asks for later ones', async () => {
        await append(['1', '2'], { expiresAt: NOW + 100 });
        await append(['3'], { expiresAt: NOW + 1_000 });
        const page = await read(0, 10, NOW + 100);
        expect(page).toEqual({ events: [{ sequence: 3, data: '3', end: false }], gap: { from: 1, to: 2 } });
      });
    });

    it.each(['expired', 'deleted', 'unknown'])(
      'in a session that is %s throws SessionNotFound',
      async (how) => {
        await append(['1']);
        let now = NOW;
        if (how === 'expired') now = session.expiresAt;
        if (how === 'deleted') await b.sessions.delete(session.ref, NOW);
        if (how === 'unknown') session = newSession();
        const { values, errors } = await outcomes<unknown>([
          append(['2'], { now }),
          append(['2'], { now, stream: 'new' }),
          append(['2'], { now, end: true }),
          read(0, 10, now),
          b.events.lastSequence(session, 's', now),
        ]);
        expect(values).toEqual([]);
        for (const error of errors) expect(error).toBeInstanceOf(SessionNotFound);
        if (how === 'expired') expect((await read(0, 10, NOW)).events).toHaveLength(1);
        else expect(await harness.countRows(session.ref)).toBe(0);
      },
    );
  });
}
