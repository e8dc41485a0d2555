import { postgresHarness } from '../support/postgres.ts';
import { streamsSuite } from './streams.suite.ts';

streamsSuite('postgres', postgresHarness());
