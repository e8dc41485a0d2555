import { describe, it } from 'vitest';
import { dynamodbHarness } from '../support/dynamodb.ts';
import { dynoxideMissing, startDynaliteOrConfigured, startDynoxide } from '../support/dynamodb-engines.ts';
import { postgresHarness } from '../support/postgres.ts';
import { portsFuzz } from './ports.suite.ts';

portsFuzz('postgres', postgresHarness(), { runs: 60, commands: 120 });
portsFuzz('dynalite', () => dynamodbHarness(startDynaliteOrConfigured), { runs: 20, commands: 120 });

const missing = dynoxideMissing();
if (missing === undefined) {
  portsFuzz('dynoxide', () => dynamodbHarness(startDynoxide), { runs: 40, commands: 120 });
} else {
  describe.skip(`dynoxide beside the memory adapter (skipped: ${missing})`, () => {
    it('is not run', () => {});
  });
}
