import type { StoreConfig } from '../store-config.ts';
import type { StoreAccess, StoreEvents } from './store-access.ts';

/** Opens the configured store. Only that store's packages are loaded. */
export async function openStore(config: StoreConfig, events: StoreEvents): Promise<StoreAccess> {
  if (config.name === 'postgres') {
    const { openPostgres } = await import('./postgres.ts');
    return openPostgres(config, events);
  }
  const { openDynamodb } = await import('./dynamodb.ts');
  return openDynamodb(config, events);
}
