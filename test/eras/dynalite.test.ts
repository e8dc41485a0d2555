import { dynamodbHarness } from '../support/dynamodb.ts';
import { startDynaliteOrConfigured } from '../support/dynamodb-engines.ts';
import { erasSuite } from './eras.suite.ts';

erasSuite('dynalite', () => dynamodbHarness(startDynaliteOrConfigured));
