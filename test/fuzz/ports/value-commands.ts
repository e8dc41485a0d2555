import fc from 'fast-check';
import { ROOM } from '../../contract/fixtures.ts';
import { caller, expectedVersion, json, key, known } from './arbitraries.ts';
import { command, type StoreCommand } from './command.ts';
import type { World } from './world.ts';

const limits = fc.oneof(
  { weight: 2, arbitrary: fc.constant(ROOM) },
  {
    weight: 1,
    arbitrary: fc.record({
      keys: fc.integer({ min: 1, max: 3 }),
      distinctKeys: fc.integer({ min: 1, max: 5 }),
    }),
  },
);

interface Guarded {
  readonly slot: number;
  readonly key: string;
  readonly expectedVersion: number | 'current' | undefined;
}

/** The version to expect; that of a session that is gone is nobody's to know. */
async function resolved(world: World, { slot, key, expectedVersion }: Guarded): Promise<number | undefined> {
  if (expectedVersion !== 'current') return expectedVersion;
  const session = await world.memory.sessions.find(world.slot(slot).first.ref, world.now());
  if (session === undefined) return 1;
  return (await world.memory.sessions.readValue(session, key, world.now()))?.version ?? 0;
}

const store = command('storeValue', fc.record({ caller, key, json, expectedVersion, limits }), {
  prepare: async (world, { caller: { slot, isStale }, key, json, limits, ...guard }) => {
    const now = world.now();
    const session = known(world.slot(slot), isStale);
    const version = await resolved(world, { slot, key, ...guard });
    return ({ sessions }) =>
      sessions.storeValue(session, { key, json, expectedVersion: version, limits }, now);
  },
});

const read = command('readValue', fc.record({ caller, key }), {
  prepare: (world, { caller: { slot, isStale }, key }) => {
    const now = world.now();
    const session = known(world.slot(slot), isStale);
    return ({ sessions }) => sessions.readValue(session, key, now);
  },
});

const remove = command('deleteValue', fc.record({ caller, key, expectedVersion }), {
  prepare: async (world, { caller: { slot, isStale }, key, ...guard }) => {
    const now = world.now();
    const session = known(world.slot(slot), isStale);
    const version = await resolved(world, { slot, key, ...guard });
    return ({ sessions }) => sessions.deleteValue(session, { key, expectedVersion: version }, now);
  },
});

const list = command(
  'listValues',
  fc.record({
    caller,
    prefix: fc.oneof(fc.constant(''), key),
    after: fc.option(key, { nil: undefined, freq: 1 }),
    // Few, so that there are several pages of what few keys there are.
    limit: fc.constantFrom(1, 1, 2, 4),
  }),
  {
    prepare: (world, { caller: { slot, isStale }, ...query }) => {
      const now = world.now();
      const session = known(world.slot(slot), isStale);
      return ({ sessions }) => sessions.listValues(session, query, now);
    },
  },
);

export const valueCommands: readonly fc.Arbitrary<StoreCommand>[] = [store, read, remove, list].flatMap(
  (each) => [each, each, each],
);
