import { migrate } from '../../adapters/postgres/migrate.ts';
import { postgresStore } from '../../adapters/postgres/store.ts';
import { teardown } from '../../adapters/postgres/teardown.ts';
import type { PostgresConfig } from '../store-config.ts';
import type { StoreAccess, StoreEvents } from './store-access.ts';

export async function openPostgres(config: PostgresConfig, events: StoreEvents): Promise<StoreAccess> {
  const engine = await findDatabase(config);
  const store = postgresStore({
    connectionString: engine.url,
    poolMax: config.poolMax,
    preparedStatements: config.preparedStatements,
    ...(config.listenUrl === undefined ? {} : { listenConnectionString: config.listenUrl }),
    onError: events.onError,
  });
  return {
    store,
    location: engine.location,
    setupCommand: 'npm run migrate',
    setUp: async () => {
      const { applied } = await migrate({ connectionString: engine.url });
      return applied.map((name) => `migration ${name}`);
    },
    tearDown: async () => {
      const { dropped } = await teardown({ connectionString: engine.url });
      return dropped;
    },
    close: async () => {
      await store.close();
      await engine.leave();
    },
  };
}

async function findDatabase({
  target,
}: PostgresConfig): Promise<{ url: string; location: string; leave: () => Promise<void> }> {
  if (target.kind === 'url') {
    const { hostname, port, pathname } = new URL(target.url);
    return {
      url: target.url,
      location: `database ${decodeURIComponent(pathname.slice(1)) || '(default)'} on ${hostname || 'localhost'}:${port || 5432}`,
      leave: async () => {},
    };
  }
  const { joinEngine } = await import('../embedded/engine.ts');
  const engine = await joinEngine({ kind: 'postgres', dataDir: target.dataDir });
  return {
    url: engine.url,
    location: `embedded PostgreSQL in ${target.dataDir}/postgres`,
    leave: () => engine.leave(),
  };
}
