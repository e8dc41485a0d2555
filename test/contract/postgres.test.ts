import { postgresHarness } from '../support/postgres.ts';
import { storeContract } from './store.suite.ts';

storeContract('postgres', postgresHarness());
