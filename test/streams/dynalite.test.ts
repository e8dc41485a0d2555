import { dynamodbHarness } from '../support/dynamodb.ts';
import { startDynaliteOrConfigured } from '../support/dynamodb-engines.ts';
import { noSignalsSuite } from './no-signals.suite.ts';
import { onceSuite } from './once.suite.ts';
import { setBackSuite } from './set-back.suite.ts';
import { overClusters, streamsSuite } from './streams.suite.ts';

streamsSuite('dynalite', () => dynamodbHarness(startDynaliteOrConfigured));
onceSuite('dynalite', () => dynamodbHarness(startDynaliteOrConfigured));
overClusters(
  'dynalite, where streams are polled',
  () => dynamodbHarness(startDynaliteOrConfigured),
  noSignalsSuite,
);
// By itself: what is told of changes depends on all that there were.
overClusters('dynalite', () => dynamodbHarness(startDynaliteOrConfigured), setBackSuite);
