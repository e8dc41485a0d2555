import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { HarnessFactory, StoreHarness } from '../contract/harness.ts';
import type { StoreCommand } from './ports/command.ts';
import { directoryCommands } from './ports/directory-commands.ts';
import { eventCommands } from './ports/event-commands.ts';
import { instanceCommands } from './ports/instance-commands.ts';
import { sessionCommands } from './ports/session-commands.ts';
import { valueCommands } from './ports/value-commands.ts';
import { type Tested, World } from './ports/world.ts';
import { fuzzed, fuzzTimeout } from './runs.ts';

const REST = [...directoryCommands, ...instanceCommands];

/** Few operations on few things reach states that many operations on all of them do not; so each run has a subject. */
const SUBJECTS: readonly (readonly fc.Arbitrary<StoreCommand>[])[] = [
  [...sessionCommands, ...repeated(valueCommands)],
  [...sessionCommands, ...repeated(eventCommands)],
  [...sessionCommands, ...repeated(REST)],
  [...sessionCommands, ...valueCommands, ...eventCommands, ...REST],
];

function repeated(commands: typeof valueCommands): typeof valueCommands {
  return [...commands, ...commands, ...commands];
}

/** Random sequences of the ports' operations, each done to the adapter and to the memory adapter beside it. */
export function portsFuzz(
  name: string,
  makeHarness: HarnessFactory,
  { runs, commands }: { readonly runs: number; readonly commands: number },
): void {
  describe(`${name} beside the memory adapter`, () => {
    let harness: StoreHarness;
    let tested: Tested;

    beforeAll(async () => {
      harness = await makeHarness();
      tested = {
        stores: [await harness.open(), await harness.open()],
        capabilities: harness.capabilities,
      };
    });
    afterAll(() => harness?.close());

    // Catches: what one adapter does differently in a state that nobody thought of, as a conflict with another
    // version, a limit counted with deleted keys, or an error of another kind where two are due.
    it(
      'gives the same results and errors, step by step',
      async () => {
        await fc.assert(
          fc.asyncProperty(
            fc.oneof(
              ...SUBJECTS.map((subject) => fc.commands([...subject], { maxCommands: commands, size: 'max' })),
            ),
            async (steps) => {
              const world = new World(randomUUID());
              try {
                await world.open(tested);
                await fc.asyncModelRun(() => ({ model: world, real: tested }), steps);
              } finally {
                await world.cleanUp(tested);
              }
            },
          ),
          fuzzed(runs),
        );
      },
      fuzzTimeout(),
    );
  });
}
