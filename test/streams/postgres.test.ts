import { postgresHarness } from '../support/postgres.ts';
import { onceSuite } from './once.suite.ts';
import { setBackSuite } from './set-back.suite.ts';
import { overClusters, streamsSuite } from './streams.suite.ts';

streamsSuite('postgres', postgresHarness());
onceSuite('postgres', postgresHarness());
overClusters('postgres', postgresHarness(), setBackSuite);
