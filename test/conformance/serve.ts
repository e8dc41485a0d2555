import { command, storeFlag } from '../../src/app/cli/command.ts';
import { readServerConfig } from '../../src/app/config.ts';
import { runServer } from '../../src/app/run-server.ts';
import { TEST_ONLY_KEY } from './fixture/request-state.ts';
import { fixtureServer } from './fixture-server.ts';

/** `npm run conformance:serve`: one instance whose sessions are served by the fixture server. */
await command(
  {
    usage: 'npm run conformance:serve -- --store postgres|dynamodb [flags]',
    options: {
      store: { type: 'string', help: 'postgres or dynamodb; required' },
      port: { type: 'string', help: 'port to listen on (PORT); 8060 for postgres, 8062 for dynamodb' },
    },
  },
  ({ store, port }) => {
    const config = readServerConfig(
      { REQUEST_STATE_KEYS: TEST_ONLY_KEY, ...process.env },
      { store: storeFlag(store), port, embedded: true },
    );
    const factory = fixtureServer({
      storage: config.store.name,
      lifetime: config.lifetime,
      limits: config.limits,
      authenticates: false,
      onBug: (error, reference) => process.stderr.write(`unexpected error ${reference}: ${String(error)}\n`),
    });
    return runServer(config, factory);
  },
);
