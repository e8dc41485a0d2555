import { command, storeFlag } from './command.ts';
import { operateOnStore } from './operate.ts';

/** `npm run migrate`, `npm run setup:postgres`, `npm run setup:dynamodb`: creates what is missing. */
await command(
  {
    usage: 'npm run migrate, npm run setup:postgres, npm run setup:dynamodb -- [flags]',
    options: {
      store: { type: 'string', help: 'postgres or dynamodb; set by the npm script' },
      aws: { type: 'boolean', help: 'use DynamoDB in AWS, not an embedded engine' },
    },
  },
  ({ store, aws }) =>
    operateOnStore({ store: storeFlag(store), aws }, async (access) => {
      const created = await access.setUp();
      for (const each of created) process.stdout.write(`created ${each}\n`);
      const outcome = created.length === 0 ? 'already there, nothing to do' : 'done';
      process.stdout.write(`setup: ${outcome} (${access.location})\n`);
    }),
);
