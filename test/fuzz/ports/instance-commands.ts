import fc from 'fast-check';
import { command, type StoreCommand } from './command.ts';
import { INSTANCES, type World } from './world.ts';

const instance = fc.nat({ max: INSTANCES - 1 });

const idOf = (world: World, index: number): string => world.instances[index] as string;
/** Beyond the time for which it is kept, a store may have removed it. */
const isKept = (world: World, index: number): boolean => !world.isForgettable(idOf(world, index));

const beat = command('beat', instance, {
  isSpecified: isKept,
  prepare: (world, index) => {
    const now = world.now();
    return ({ instances }) => instances.beat(idOf(world, index), now);
  },
  learn: (world, index) => {
    world.lastBeats.set(idOf(world, index), world.now());
  },
});

const beats = command('beats', instance, {
  isSpecified: isKept,
  prepare:
    (world, index) =>
    ({ instances }) =>
      instances.beats(idOf(world, index)),
});

const forget = command('forget', instance, {
  prepare:
    (world, index) =>
    ({ instances }) =>
      instances.forget(idOf(world, index)),
  learn: (world, index) => {
    world.lastBeats.delete(idOf(world, index));
  },
});

export const instanceCommands: readonly fc.Arbitrary<StoreCommand>[] = [beat, beats, forget];
