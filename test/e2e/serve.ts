import { command, storeFlag } from '../../src/app/cli/command.ts';
import { readServerConfig } from '../../src/app/config.ts';
import { runServer } from '../../src/app/run-server.ts';
import { TEST_ONLY_KEY } from '../conformance/fixture/request-state.ts';
import { fixtureServer } from '../conformance/fixture-server.ts';

/** One instance of the fixture server, with a tool that shows what becomes of a call that says nothing. */
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
      return server;
    });
  },
);
