import { overClusters } from '../streams/streams.suite.ts';
import { dynamodbHarness } from '../support/dynamodb.ts';
import { startDynaliteOrConfigured } from '../support/dynamodb-engines.ts';
import { limitsSuite } from './limits.suite.ts';
import { streamLimitsSuite } from './stream-limits.suite.ts';

overClusters('dynalite', () => dynamodbHarness(startDynaliteOrConfigured), limitsSuite, streamLimitsSuite);
