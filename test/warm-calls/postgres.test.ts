import { overwriteSessionValue } from '../../src/adapters/postgres/overwrite-value-statements.ts';
import { readSessionValue } from '../../src/adapters/postgres/read-value-statements.ts';
import { postgresStore } from '../../src/adapters/postgres/store.ts';
import { newSession } from '../contract/fixtures.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { tapPostgres } from '../support/postgres-wire.ts';
import { type TappedStore, warmCallsSuite } from './warm-calls.suite.ts';

const open = (preparedStatements: boolean) => async (): Promise<TappedStore> => {
  const database = await createTestDatabase();
  const wire = await tapPostgres(database.url);
  const store = postgresStore({ connectionString: wire.connectionString, preparedStatements });
  // Listens from here on. What was remembered before that is asked for once more, since a signal may have been missed.
  await new Promise<void>((resolve) => store.signals.watch({ ref: newSession().ref }, () => resolve()));
  return {
    store,
    sent: wire.executed,
    close: async () => {
      await store.close();
      await wire.close();
      await database.drop();
    },
  };
};

warmCallsSuite('postgres', open(true), { store: ['mcp_overwrite_value'], get: ['mcp_read_value'] });
warmCallsSuite('postgres without prepared statements', open(false), {
  store: [overwriteSessionValue.text],
  get: [readSessionValue.text],
});
