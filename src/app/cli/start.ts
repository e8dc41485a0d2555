import { readServerConfig } from '../config.ts';
import { runServer } from '../run-server.ts';
import { command, storeFlag } from './command.ts';

/** `npm start`: the production server. Never embedded; tables are made only where the operator asks for it. */
await command(
  {
    usage: 'npm start -- --store postgres|dynamodb [flags]',
    options: {
      store: { type: 'string', help: 'postgres or dynamodb; required' },
      port: { type: 'string', help: 'port to listen on (PORT); 8060 for postgres, 8062 for dynamodb' },
      host: { type: 'string', help: 'address to listen on (HOST); 127.0.0.1' },
    },
  },
  ({ store, port, host }) =>
    runServer(readServerConfig(process.env, { store: storeFlag(store), port, host, embedded: false })),
);
