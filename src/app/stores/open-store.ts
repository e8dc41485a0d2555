import type { StoreConfig } from '../store-config.ts';
import { findDynamodb } from './find-dynamodb.ts';
import { findPostgres } from './find-postgres.ts';
import type { StoreAccess, StoreEvents } from './store-access.ts';

/** Opens the configured store. Only that store's packages are loaded, and an embedded engine starts meanwhile. */
export async function openStore(config: StoreConfig, events: StoreEvents): Promise<StoreAccess> {
  if (config.name === 'postgres') {
    const [place, { openPostgres }] = await Promise.all([findPostgres(config), import('./postgres.ts')]);
    return openPostgres(config, place, events);
  }
  const [place, { openDynamodb }] = await Promise.all([findDynamodb(config), import('./dynamodb.ts')]);
  return openDynamodb(config, place, events);
}
