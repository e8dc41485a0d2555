import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { serviceModule } from '../project.ts';

/* This project's service on PostgreSQL, with a server of an author's own: its one tool notifies the client. */

/** As many as are appended to a stream at once. */
const AT_ONCE = 64;

const { readServerConfig } = await serviceModule<typeof import('../../src/app/config.ts')>('app/config.ts');
const { runServer } = await serviceModule<typeof import('../../src/app/run-server.ts')>('app/run-server.ts');

await runServer(readServerConfig(process.env, { store: 'postgres', port: '0', embedded: false }), () => {
  const server = new McpServer({ name: 'emitter', version: '1.0.0' }, { capabilities: { logging: {} } });
  server.registerTool(
    'emit',
    {
      description: 'Sends numbered log messages to the session, on its GET stream and not on this call’s.',
      inputSchema: z.object({ from: z.int(), count: z.int(), text: z.string() }),
      outputSchema: z.object({ emitted: z.int() }),
    },
    async ({ from, count, text }) => {
      for (let sent = 0; sent < count; sent += AT_ONCE) {
        const length = Math.min(AT_ONCE, count - sent);
        // `at` is of a clock that all processes of a machine share.
        const sending = Array.from({ length }, (_, n) =>
          server.sendLoggingMessage({
            level: 'info',
            data: { number: from + sent + n, at: String(process.hrtime.bigint()), text },
          }),
        );
        await Promise.all(sending);
      }
      return { content: [{ type: 'text', text: `${count} emitted` }], structuredContent: { emitted: count } };
    },
  );
  return server;
});
