import { z } from 'zod';
import { command, storeFlag } from '../../src/app/cli/command.ts';
import { readServerConfig } from '../../src/app/config.ts';
import { runServer } from '../../src/app/run-server.ts';
import { TEST_ONLY_KEY } from '../conformance/fixture/request-state.ts';
import { fixtureServer } from '../conformance/fixture-server.ts';

/** One instance of the fixture server, with tools that show on stdout what becomes of their calls. */
await command(
  {
    usage: 'node --import tsx test/e2e/serve.ts --store postgres|dynamodb',
    options: { store: { type: 'string', help: 'postgres or dynamodb; required' } },
  },
  ({ store }) => {
    const config = readServerConfig(
      { REQUEST_STATE_KEYS: TEST_ONLY_KEY, ...process.env },
      { store: storeFlag(store), port: '0', embedded: true },
    );
    const fixture = fixtureServer({
      storage: config.store.name,
      lifetime: config.lifetime,
      limits: config.limits,
      authenticates: false,
      onBug: (error, reference) => process.stderr.write(`unexpected error ${reference}: ${String(error)}\n`),
    });
    return runServer(config, (session) => {
      const server = fixture(session);
      server.registerTool(
        'hang',
        { description: 'Ends when it is aborted, and says so on stdout.' },
        async ({ mcpReq: { signal, id } }) => {
          if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
          process.stdout.write(`aborted ${id}: ${signal.reason}\n`);
          return { content: [] };
        },
      );
      server.registerTool(
        'flood',
        { description: 'Says more than is held for any client; says on stdout that it was aborted.' },
        async ({ mcpReq: { signal, id, notify } }) => {
          const params = { level: 'info', data: 'x'.repeat(64 * 1024) };
          for (let said = 0; said < 2_000 && !signal.aborted; said += 1) {
            await notify({ method: 'notifications/message', params });
            // For what is said to go on its way.
            await new Promise((resolve) => setImmediate(resolve));
          }
          if (signal.aborted) process.stdout.write(`aborted ${id}\n`);
          return { content: [] };
        },
      );
      server.registerTool(
        'work_once',
        {
          description:
            'Works under an idempotency key and says so on stdout; where WORK is "hang", without an end.',
          inputSchema: z.object({
            session_id: z.string(),
            idempotency_key: z.string(),
            repeatable: z.boolean(),
          }),
        },
        async ({ session_id, idempotency_key: key, repeatable }) => {
          const by = await session.at(session_id).once({ scope: 'work', key, repeatable }, async () => {
            process.stdout.write(`working on ${key}\n`);
            if (process.env['WORK'] === 'hang') await new Promise(() => {});
            return process.pid;
          });
          return { content: [{ type: 'text', text: `done by ${by}` }] };
        },
      );
      return server;
    });
  },
);
