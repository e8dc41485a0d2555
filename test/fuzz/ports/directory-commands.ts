import fc from 'fast-check';
import { expect } from 'vitest';
import type { Principal } from '../../../src/domain/principal.ts';
import { slotIndex } from './arbitraries.ts';
import { command, type StoreCommand } from './command.ts';

/** Behind a session, be it there or not, or behind a place where there never was one. */
const place = fc.record({ slot: slotIndex, later: fc.constantFrom(-1, 0, 1) });

const list = command(
  'list',
  fc.record({
    owner: fc.nat({ max: 1 }),
    after: fc.option(place, { nil: undefined }),
    limit: fc.integer({ min: 1, max: 5 }),
  }),
  {
    prepare: (world, { owner, after, limit }) => {
      const now = world.now();
      const principal = world.principals[owner] as Principal;
      const { ref, createdAt } = world.slot(after?.slot ?? 0).first;
      const position = after === undefined ? undefined : { ref, createdAt: createdAt + after.later };
      return ({ directory }) => directory.list(principal, { after: position, limit }, now);
    },
  },
);

const count = command(
  'count',
  fc.record({ owner: fc.nat({ max: 1 }), limit: fc.integer({ min: 1, max: 3 }) }),
  {
    prepare: (world, { owner, limit }) => {
      const now = world.now();
      const principal = world.principals[owner] as Principal;
      return ({ directory }) => directory.count(principal, limit, now);
    },
    // A store may count what is gone and not removed yet.
    compare: ({ args, expected, actual }) => {
      expect(actual).toBeGreaterThanOrEqual(expected);
      expect(actual).toBeLessThanOrEqual(args.limit);
    },
  },
);

export const directoryCommands: readonly fc.Arbitrary<StoreCommand>[] = [list, count];
