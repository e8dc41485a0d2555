import { migrate } from '../../adapters/postgres/migrate.ts';
import { postgresStore } from '../../adapters/postgres/store.ts';
import { teardown } from '../../adapters/postgres/teardown.ts';
import type { PostgresConfig } from '../store-config.ts';
import type { PostgresPlace } from './find-postgres.ts';
import type { StoreAccess, StoreEvents } from './store-access.ts';

export function openPostgres(config: PostgresConfig, place: PostgresPlace, events: StoreEvents): StoreAccess {
  const store = postgresStore({
    connectionString: place.url,
    poolMax: config.poolMax,
    preparedStatements: config.preparedStatements,
    ...(config.listenUrl === undefined ? {} : { listenConnectionString: config.listenUrl }),
    onError: events.onError,
  });
  return {
    store,
    location: place.location,
    setupCommand: 'npm run migrate',
    setUp: async () => {
      const { applied } = await migrate({ connectionString: place.url });
      return applied.map((name) => `migration ${name}`);
    },
    tearDown: async () => {
      const { dropped } = await teardown({ connectionString: place.url });
      return dropped;
    },
    close: async () => {
      await store.close();
      await place.leave();
    },
  };
}
