import { pgbouncerMissing, startPgbouncer } from '../support/pgbouncer.ts';
import { postgresHarness } from '../support/postgres.ts';
import { storeContract } from './store.suite.ts';

// Transaction mode has neither named prepared statements nor LISTEN. Without a real pooler it is still tested that
// none is needed.
const WITHOUT = { preparedStatements: false, listenConnectionString: false } as const;

if (pgbouncerMissing === undefined) {
  storeContract('postgres behind PgBouncer', postgresHarness({ ...WITHOUT, through: startPgbouncer }));
} else {
  storeContract('postgres, as behind a pooler,', postgresHarness(WITHOUT));
}
