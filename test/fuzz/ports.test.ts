import { dynamodbHarness } from '../support/dynamodb.ts';
import { dynoxideMissing, startDynaliteOrConfigured, startDynoxide } from '../support/dynamodb-engines.ts';
import { postgresHarness } from '../support/postgres.ts';
import { unlessMissing } from '../support/unless-missing.ts';
import { portsFuzz } from './ports.suite.ts';

portsFuzz('postgres', postgresHarness(), { runs: 60, commands: 120 });
portsFuzz('dynalite', () => dynamodbHarness(startDynaliteOrConfigured), { runs: 20, commands: 120 });

unlessMissing(dynoxideMissing(), 'dynoxide beside the memory adapter', () => {
  portsFuzz('dynoxide', () => dynamodbHarness(startDynoxide), { runs: 40, commands: 120 });
});
