import { overClusters } from '../streams/streams.suite.ts';
import { postgresHarness } from '../support/postgres.ts';
import { limitsSuite } from './limits.suite.ts';
import { streamLimitsSuite } from './stream-limits.suite.ts';

overClusters('postgres', postgresHarness(), limitsSuite, streamLimitsSuite);
