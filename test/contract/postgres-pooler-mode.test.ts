import { postgresHarness } from '../support/postgres.ts';
import { storeContract } from './store.suite.ts';

// As behind a pooler in transaction mode, which has neither named prepared statements nor LISTEN.
storeContract(
  'postgres, as behind a pooler,',
  postgresHarness({ preparedStatements: false, listenConnectionString: false }),
);
