import { InvalidSettings, SettingsReader } from '../settings.ts';
import { readStoreConfig, type StoreName } from '../store-config.ts';
import { openStore } from '../stores/open-store.ts';
import type { StoreAccess } from '../stores/store-access.ts';

/** Opens the store that the environment names, as the development server would choose it, for one operation. */
export async function operateOnStore(
  flags: { readonly store: StoreName; readonly aws?: boolean | undefined },
  operation: (access: StoreAccess) => Promise<void>,
): Promise<void> {
  const settings = new SettingsReader(process.env);
  const config = readStoreConfig(settings, { ...flags, embedded: true });
  if (settings.problems.length > 0) throw new InvalidSettings(settings.problems);
  // What goes wrong here is thrown by the operation itself.
  const access = await openStore(config, { onError: () => {} });
  try {
    await operation(access);
  } finally {
    await access.close();
  }
}
