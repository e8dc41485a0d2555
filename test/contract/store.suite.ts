import { describe } from 'vitest';
import { eventLogContract } from './event-log.suite.ts';
import type { HarnessFactory } from './harness.ts';
import { instancesContract } from './instances.suite.ts';
import { sessionDirectoryContract } from './session-directory.suite.ts';
import { sessionLifecycleContract } from './session-lifecycle.suite.ts';
import { sessionValuesContract } from './session-values.suite.ts';
import { signalsContract } from './signals.suite.ts';

/** Everything that a store must do, whatever its engine. An adapter's test file is this one call. */
export function storeContract(name: string, makeHarness: HarnessFactory): void {
  describe(`${name} keeps the contract`, () => {
    sessionLifecycleContract(makeHarness);
    sessionDirectoryContract(makeHarness);
    sessionValuesContract(makeHarness);
    eventLogContract(makeHarness);
    signalsContract(makeHarness);
    instancesContract(makeHarness);
  });
}
