import { readServerConfig } from '../config.ts';
import { runServer } from '../run-server.ts';
import { command, storeFlag } from './command.ts';

/** `npm run dev:postgres` and `npm run dev:dynamodb`: the server, on an embedded engine if no store is named. */
await command(
  {
    usage: 'npm run dev:postgres -- [flags], npm run dev:dynamodb -- [flags]',
    options: {
      store: { type: 'string', help: 'postgres or dynamodb; set by the npm script' },
      port: { type: 'string', help: 'port to listen on (PORT); 8060 for postgres, 8062 for dynamodb' },
      host: { type: 'string', help: 'address to listen on (HOST); 127.0.0.1' },
      aws: { type: 'boolean', help: 'use DynamoDB in AWS, not an embedded engine' },
    },
  },
  ({ store, port, host, aws }) =>
    runServer(readServerConfig(process.env, { store: storeFlag(store), port, host, aws, embedded: true })),
);
