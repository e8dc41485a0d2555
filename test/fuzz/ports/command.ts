import fc from 'fast-check';
import { expect } from 'vitest';
import { DurableMcpError } from '../../../src/domain/errors.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { Tested, World } from './world.ts';

export type StoreCommand = fc.AsyncCommand<World, Tested>;

export interface Operation<Args, Result> {
  /** Whether the ports' laws say what comes of it now. Where they leave that open, with the reason, it is left out. */
  readonly isSpecified?: (world: World, args: Args) => boolean;
  /** Makes up its mind by the memory adapter, before either store is asked. */
  readonly prepare: (
    world: World,
    args: Args,
  ) => ((store: Store) => Promise<Result>) | Promise<(store: Store) => Promise<Result>>;
  /** Compares what both gave, where more than one result is right. */
  readonly compare?: (found: {
    readonly world: World;
    readonly args: Args;
    readonly expected: Result;
    readonly actual: Result;
    readonly capabilities: Tested['capabilities'];
  }) => void;
  /** What a caller knows now. */
  readonly learn?: (world: World, args: Args, result: Result) => void;
}

/** An operation that is done to the memory adapter and to either instance of the other, with the same outcome. */
export function command<Args, Result>(
  name: string,
  args: fc.Arbitrary<Args>,
  operation: Operation<Args, Result>,
): fc.Arbitrary<StoreCommand> {
  return fc.record({ args, instance: fc.nat({ max: 1 }) }).map((given) => ({
    check: (world) => operation.isSpecified?.(world, given.args) ?? true,
    run: async (world, tested) => {
      const act = await operation.prepare(world, given.args);
      const expected = await outcomeOf(act(world.memory));
      const actual = await outcomeOf(act(tested.stores[given.instance] as Store));
      const { compare } = operation;
      if (compare !== undefined && 'value' in expected && 'value' in actual) {
        compare({
          world,
          args: given.args,
          expected: expected.value,
          actual: actual.value,
          capabilities: tested.capabilities,
        });
      } else expect(actual).toEqual(expected);
      if ('value' in expected) operation.learn?.(world, given.args, expected.value);
    },
    toString: () => `${name}(${fc.stringify(given.args)}) on ${'ab'[given.instance]}`,
  }));
}

type Outcome<Result> = { readonly value: Result } | { readonly error: object };

/** @throws what is no error of the domain's: of those no store has any */
async function outcomeOf<Result>(promise: Promise<Result>): Promise<Outcome<Result>> {
  try {
    return { value: await promise };
  } catch (error) {
    if (!(error instanceof DurableMcpError)) throw error;
    // Code, versions and limits are members of their own.
    return { error: { ...error, message: error.message } };
  }
}
