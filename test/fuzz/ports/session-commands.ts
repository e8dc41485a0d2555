import fc from 'fast-check';
import { expect } from 'vitest';
import { INSTANCE_KEPT_MS } from '../../../src/domain/limits.ts';
import { isExpired, type Session } from '../../../src/domain/session.ts';
import { HOUR, newSession } from '../../contract/fixtures.ts';
import { slotIndex } from './arbitraries.ts';
import { command, type StoreCommand } from './command.ts';
import { SLOTS, type World } from './world.ts';

const duration = fc.constantFrom(1_500, HOUR, HOUR, 24 * HOUR);

/** A sweep removes expired sessions from some stores; and ids are never reused, so nobody creates those again. */
const isCreatable = (world: World, { slot }: { readonly slot: number }): boolean =>
  !world.slot(slot).isRemoved;

const create = command(
  'create',
  fc.record({
    slot: slotIndex,
    owner: fc.constantFrom(undefined, 0, 1),
    expiresIn: duration,
    endsLater: fc.constantFrom(0, HOUR, 30 * 24 * HOUR),
    idleMs: fc.constantFrom(undefined, 1_000, 90 * 24 * HOUR),
    logLevel: fc.constantFrom(undefined, 'debug'),
  }),
  {
    isSpecified: isCreatable,
    prepare: (world, { slot, owner, expiresIn, endsLater, idleMs, logLevel }) => {
      const now = world.now();
      const session = newSession({
        ref: world.slot(slot).first.ref,
        principal: owner === undefined ? undefined : world.principals[owner],
        createdAt: now,
        lastSeenAt: now,
        expiresAt: now + expiresIn,
        endsAt: now + expiresIn + endsLater,
        idleMs,
        logLevel,
      });
      return async (store): Promise<Session> => {
        await store.sessions.create(session);
        return session;
      };
    },
    learn: (world, { slot }, session) => {
      Object.assign(world.slot(slot), { first: session, last: session, isCreated: true });
    },
  },
);

const find = command('find', slotIndex, {
  prepare: (world, slot) => {
    const now = world.now();
    return (store) => store.sessions.find(world.slot(slot).first.ref, now);
  },
  learn: (world, slot, session) => {
    if (session !== undefined) world.slot(slot).last = session;
  },
});

const update = command(
  'updateIfVersion',
  fc.record({
    slot: slotIndex,
    version: fc.oneof(fc.constant('current' as const), fc.constantFrom(0, 1, 2, 2 ** 31)),
    changes: fc.record(
      {
        logLevel: fc.constantFrom('debug', 'error'),
        subscriptions: fc.array(fc.constantFrom('test://a', 'test://\u{1f600}', ''), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
  }),
  {
    prepare: async (world, { slot, version, changes }) => {
      const now = world.now();
      const { ref } = world.slot(slot).first;
      const current = (await world.memory.sessions.find(ref, now))?.version ?? 1;
      return (store) =>
        store.sessions.updateIfVersion(ref, version === 'current' ? current : version, changes, now);
    },
    learn: (world, { slot }, session) => {
      world.slot(slot).last = session;
    },
  },
);

const touch = command(
  'touch',
  // Once for each session, as `GatheredTouches` has them.
  fc.uniqueArray(fc.record({ slot: slotIndex, seenIn: fc.constantFrom(-5, 0, 7), expiresIn: duration }), {
    selector: ({ slot }) => slot,
    maxLength: SLOTS,
  }),
  {
    prepare: (world, uses) => {
      const now = world.now();
      const touches = uses.map(({ slot, seenIn, expiresIn }) => {
        const { ref, endsAt } = world.slot(slot).first;
        return { ref, lastSeenAt: now + seenIn, expiresAt: Math.min(now + expiresIn, endsAt) };
      });
      return (store) => store.sessions.touch(touches, now);
    },
  },
);

const remove = command('delete', slotIndex, {
  prepare: (world, slot) => {
    const now = world.now();
    return (store) => store.sessions.delete(world.slot(slot).first.ref, now);
  },
  learn: (world, slot) => {
    if (world.slot(slot).isCreated) world.slot(slot).isRemoved = true;
  },
});

const sweep = command('deleteExpired', fc.constantFrom(1, 2, 100), {
  prepare: (world, limit) => {
    const now = world.now();
    return (store) => store.sessions.deleteExpired(now, limit);
  },
  // Where the engine removes what has expired by itself, there is nothing to count.
  compare: ({ expected, actual, capabilities }) =>
    expect(actual.sessions).toBe(capabilities.sweeps ? expected.sessions : 0),
  learn: (world) => {
    for (const slot of world.slots) {
      // Asked by the older expiry: more than need be are left alone.
      if (slot.isCreated && isExpired(slot.first, world.now())) slot.isRemoved = true;
    }
  },
});

/** Time passes; most of all to where something ends, or nearly. */
const wait = command(
  'wait',
  fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(1, 999) },
    { weight: 2, arbitrary: fc.constantFrom(60_001, HOUR, INSTANCE_KEPT_MS) },
    { weight: 1, arbitrary: fc.record({ slot: slotIndex, past: fc.constantFrom(-1, 0, 1) }) },
  ),
  {
    prepare: async (world, span) => {
      if (typeof span === 'number') await world.clock.advance(span);
      else {
        const until = world.slot(span.slot).last.expiresAt + span.past;
        if (until > world.now()) await world.clock.advance(until - world.now());
      }
      return async () => world.now();
    },
  },
);

/** Those that end sessions are rare, or most others would find none. */
export const sessionCommands: readonly fc.Arbitrary<StoreCommand>[] = [
  ...[create, find, update, touch, wait, wait, wait].flatMap((each) => [each, each, each]),
  remove,
  sweep,
];
