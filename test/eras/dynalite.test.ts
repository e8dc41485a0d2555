import { dynamodbHarness } from '../support/dynamodb.ts';
import { startDynaliteOrConfigured } from '../support/dynamodb-engines.ts';
import { lostChangesSuite } from './changes.suite.ts';
import { erasSuite, overEras } from './eras.suite.ts';

erasSuite('dynalite', () => dynamodbHarness(startDynaliteOrConfigured));
overEras(
  'dynalite, where streams are polled',
  () => dynamodbHarness(startDynaliteOrConfigured),
  lostChangesSuite,
);
