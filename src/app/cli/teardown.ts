import { InvalidSettings } from '../settings.ts';
import { command, storeFlag } from './command.ts';
import { operateOnStore } from './operate.ts';

/** `npm run teardown:postgres`, `npm run teardown:dynamodb`: removes all that setup made, data included. */
await command(
  {
    usage: 'CONFIRM_DELETE=yes npm run teardown:postgres, CONFIRM_DELETE=yes npm run teardown:dynamodb',
    options: {
      store: { type: 'string', help: 'postgres or dynamodb; set by the npm script' },
      aws: { type: 'boolean', help: 'use DynamoDB in AWS, not an embedded engine' },
    },
  },
  async ({ store: name, aws }) => {
    const store = storeFlag(name);
    if (process.env['CONFIRM_DELETE'] !== 'yes') {
      throw new InvalidSettings([
        'nothing was deleted. This would delete every session with its values and events, for good. ' +
          `To do that: CONFIRM_DELETE=yes npm run teardown:${store}${aws === true ? ' -- --aws' : ''}`,
      ]);
    }
    await operateOnStore({ store, aws }, async (access) => {
      const removed = await access.tearDown();
      for (const each of removed) process.stdout.write(`deleted ${each}\n`);
      const outcome = removed.length === 0 ? 'nothing was there' : 'done, verified that it is gone';
      process.stdout.write(`teardown: ${outcome} (${access.location})\n`);
    });
  },
);
