import { dynamodbHarness } from '../support/dynamodb.ts';
import { startDynaliteOrConfigured } from '../support/dynamodb-engines.ts';
import { rawIdsSuite } from './raw-ids.suite.ts';

rawIdsSuite('dynalite', () => dynamodbHarness(startDynaliteOrConfigured));
