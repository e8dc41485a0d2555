import { command } from '../../src/app/cli/command.ts';
import { startDynaliteOrConfigured } from '../support/dynamodb-engines.ts';
import { countCosts } from './count.ts';
import { writeTables } from './page.ts';
import { costTables } from './tables.ts';

/** `npm run costs`: what operations are charged on DynamoDB, counted on an emulator, or on what the environment names. */
await command(
  {
    usage: 'npm run costs -- [--write]',
    options: {
      write: { type: 'boolean', help: 'put the tables into docs/costs.md instead of printing them' },
    },
  },
  async ({ write = false }) => {
    const engine = await startDynaliteOrConfigured();
    try {
      const tables = costTables(await countCosts(engine));
      if (write) writeTables(tables);
      else console.log(tables);
    } finally {
      await engine.stop();
    }
  },
);
