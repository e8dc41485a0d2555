import { postgresHarness } from '../support/postgres.ts';
import { onceSuite } from './once.suite.ts';
import { streamsSuite } from './streams.suite.ts';

streamsSuite('postgres', postgresHarness());
onceSuite('postgres', postgresHarness());
