import { type HttpBindings, serve } from '@hono/node-server';
import { durableMcp, type Store } from 'durable-mcp';
import { Hono } from 'hono';
import { notesServer } from './notes.js';

const store = await openStore(process.env['DATABASE_URL']);
const mcp = durableMcp({
  store,
  server: notesServer,
  onStoreError: (error) => console.error(error),
  onBug: (error, reference) => console.error(reference, error),
});

const app = new Hono<{ Bindings: HttpBindings }>();
app.all('/mcp', (c) => mcp.fetch(c.req.raw, c.env));
app.get('/readyz', async (c) => {
  const reason = await mcp.notReady();
  return reason === undefined ? c.text('ready') : c.text(reason, 503);
});

const port = Number(process.env['PORT'] ?? 8070);
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, (address) => {
  console.log(`notes listening on http://127.0.0.1:${address.port}/mcp (${store.name})`);
});

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop());

/** Running calls get 7 s to finish, and clients of streams resume elsewhere. Then nothing is left to keep Node. */
async function stop(): Promise<void> {
  // A terminal and npm each pass on a Ctrl-C.
  if (stopping) return;
  stopping = true;
  server.close();
  await mcp.close();
  await store.close();
}

/** Postgres where there is one, and what lives with the process where there is none. */
async function openStore(connectionString: string | undefined): Promise<Store> {
  if (connectionString === undefined) return (await import('durable-mcp/memory')).memoryStore();
  const { migrate, postgresStore } = await import('durable-mcp/postgres');
  await migrate({ connectionString });
  return postgresStore({ connectionString, onError: (error) => console.error(error) });
}
