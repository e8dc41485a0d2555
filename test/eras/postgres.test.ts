import { postgresHarness } from '../support/postgres.ts';
import { erasSuite } from './eras.suite.ts';

erasSuite('postgres', postgresHarness());
