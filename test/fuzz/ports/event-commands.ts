import fc from 'fast-check';
import { expect } from 'vitest';
import type { EventPage } from '../../../src/ports/event-log.ts';
import { HOUR } from '../../contract/fixtures.ts';
import { caller, json, known } from './arbitraries.ts';
import { command, type StoreCommand } from './command.ts';
import { type PastEvent, STREAMS, type StreamName, type World } from './world.ts';

/** One number for each stream, as a service has one for all of its. */
const KEEP: Readonly<Record<StreamName, number>> = { s: 3, 's-1': 40, S: 1_000 };
const MOST_AT_ONCE = 12;

const stream = fc.constantFrom('s' as const, ...STREAMS);

interface Place {
  readonly caller: { readonly slot: number };
  readonly stream: StreamName;
}

function historyOf(world: World, { caller: { slot }, stream }: Place): readonly PastEvent[] {
  return world.slot(slot).history.get(stream) ?? [];
}

const append = command(
  'append',
  fc.record({
    caller,
    stream,
    // More than are kept, or so few that those of the appends before count too.
    data: fc.oneof(
      fc.array(json, { minLength: 1, maxLength: 2 }),
      fc.array(json, { minLength: 1, maxLength: MOST_AT_ONCE, size: 'max' }),
    ),
    isEnd: fc.oneof(
      { weight: 7, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
    keptFor: fc.constantFrom(500, HOUR, 365 * 24 * HOUR),
  }),
  {
    // A stream whose events are all gone may begin at 1 again or go on, as the store likes.
    isSpecified: (world, place) => {
      const last = historyOf(world, place).at(-1);
      return last === undefined || last.expiresAt > world.now();
    },
    prepare: (world, args) => {
      const now = world.now();
      const slot = world.slot(args.caller.slot);
      const expiresAt = Math.max(
        Math.min(now + args.keptFor, slot.first.endsAt),
        historyOf(world, args).at(-1)?.expiresAt ?? 0,
      );
      const { stream, data } = args;
      return async ({ events }) => {
        const session = known(slot, args.caller.isStale);
        const request = { stream, data, end: args.isEnd, expiresAt, keep: KEEP[stream] };
        return { last: await events.append(session, request, now), expiresAt };
      };
    },
    learn: (world, { caller: { slot }, stream, data, isEnd }, { expiresAt }) => {
      const { history } = world.slot(slot);
      const events = data.map((text, index) => ({
        data: text,
        end: isEnd && index === data.length - 1,
        expiresAt,
      }));
      history.set(stream, [...(history.get(stream) ?? []), ...events]);
    },
  },
);

const read = command(
  'read',
  fc.record({
    caller,
    stream,
    // Behind the end of most streams, there is little to compare.
    after: fc.oneof(fc.nat({ max: 8 }), fc.nat({ max: 60 })),
    limit: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(100)),
  }),
  {
    prepare: (world, { caller: { slot, isStale }, ...query }) => {
      const now = world.now();
      const session = known(world.slot(slot), isStale);
      return ({ events }) => events.read(session, query, now);
    },
    compare: ({ world, args, expected, actual, capabilities: { trimSlack } }) => {
      if (trimSlack === 0) expect(actual).toEqual(expected);
      else
        assertSlack(actual, { ...args, expected, trimSlack, past: historyOf(world, args), now: world.now() });
    },
  },
);

/** A store that trims now and then may show some more of the oldest, and nothing else may differ. */
function assertSlack(
  actual: EventPage,
  found: {
    readonly after: number;
    readonly limit: number;
    readonly expected: EventPage;
    readonly trimSlack: number;
    readonly past: readonly PastEvent[];
    readonly now: number;
  },
): void {
  const { after, limit, expected, trimSlack, past, now } = found;
  const first = (actual.gap?.to ?? after) + 1;
  const firstExpected = (expected.gap?.to ?? after) + 1;
  expect(first).toBeLessThanOrEqual(firstExpected);
  // What is trimmed is whole appends.
  expect(first).toBeGreaterThanOrEqual(firstExpected - trimSlack - MOST_AT_ONCE);
  expect(actual.gap?.from ?? after + 1).toBe(after + 1);
  const following = past
    .map(({ data, end, expiresAt }, index) => ({ sequence: index + 1, data, end, expiresAt }))
    .filter(({ sequence, expiresAt }) => sequence >= first && expiresAt > now);
  const events = following.slice(0, limit).map(({ expiresAt: _, ...event }) => event);
  expect(actual.events).toEqual(events);
  if (events.length > 0) expect(actual.events[0]?.sequence).toBe(first);
  else expect(actual.gap).toBeUndefined();
}

const last = command('lastSequence', fc.record({ caller, stream }), {
  prepare: (world, { caller: { slot, isStale }, stream }) => {
    const now = world.now();
    const session = known(world.slot(slot), isStale);
    return ({ events }) => events.lastSequence(session, stream, now);
  },
});

export const eventCommands: readonly fc.Arbitrary<StoreCommand>[] = [append, read, last].flatMap((each) => [
  each,
  each,
  each,
]);
