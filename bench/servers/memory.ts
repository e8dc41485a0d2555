import { serviceModule } from '../project.ts';

/* This project's service, on the store that lives in the process. */

const { memoryStore } =
  await serviceModule<typeof import('../../src/adapters/memory/store.ts')>('adapters/memory/store.ts');
const { readServerConfig } = await serviceModule<typeof import('../../src/app/config.ts')>('app/config.ts');
const { listen } = await serviceModule<typeof import('../../src/app/http-server.ts')>('app/http-server.ts');
const { createLogger } = await serviceModule<typeof import('../../src/app/logger.ts')>('app/logger.ts');
const { createService } = await serviceModule<typeof import('../../src/app/service.ts')>('app/service.ts');
const { systemClock } =
  await serviceModule<typeof import('../../src/app/system-clock.ts')>('app/system-clock.ts');

// A store must be named for the settings to be read; it is not opened.
const config = readServerConfig(
  { ...process.env, DATABASE_URL: 'postgres://unused' },
  { store: 'postgres', embedded: false },
);
const service = createService({
  config,
  store: memoryStore(),
  clock: systemClock,
  logger: createLogger(config.logLevel),
});
const { origin } = await listen(service, { host: '127.0.0.1', port: 0 });
process.stdout.write(`listening on ${origin}/mcp\n`);
