import { postgresHarness } from '../support/postgres.ts';
import { rawIdsSuite } from './raw-ids.suite.ts';

rawIdsSuite('postgres', postgresHarness());
