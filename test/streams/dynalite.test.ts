import { dynamodbHarness } from '../support/dynamodb.ts';
import { startDynaliteOrConfigured } from '../support/dynamodb-engines.ts';
import { streamsSuite } from './streams.suite.ts';

streamsSuite('dynalite', () => dynamodbHarness(startDynaliteOrConfigured));
