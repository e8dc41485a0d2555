import { overClusters } from '../streams/streams.suite.ts';
import { memoryHarness } from '../support/memory.ts';
import { limitsSuite } from './limits.suite.ts';
import { streamLimitsSuite } from './stream-limits.suite.ts';

overClusters('memory', memoryHarness, limitsSuite, streamLimitsSuite);
