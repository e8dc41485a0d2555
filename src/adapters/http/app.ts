import { Hono } from 'hono';
import type { ProtectedResource } from '../../ports/authentication.ts';
import { bugResponse } from './errors.ts';
import type { McpHandler, NodeBindings } from './mcp-handler.ts';
import { resourceMetadataPaths, resourceMetadataResponse, WELL_KNOWN } from './protected-resource.ts';

export interface HttpAppOptions {
  readonly mcp: McpHandler;
  /** Whether requests should be sent here: `undefined`, or the reason why not. */
  readonly notReady: () => Promise<string | undefined>;
  /** What clients without a token are told of. Absent without authentication. */
  readonly resource?: ProtectedResource | undefined;
  /** Told of errors that nobody foresaw, with the reference that the client was given. */
  readonly onBug: (error: unknown, reference: string) => void;
}

type Environment = { Bindings: NodeBindings };

/** The service over HTTP. `fetch` of the returned app is a web-standard handler. */
export function httpApp({ mcp, notReady, resource, onBug }: HttpAppOptions): Hono<Environment> {
  const app = new Hono<Environment>();
  // Probes come from a balancer under any name, and tell nothing about sessions.
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    const reason = await notReady();
    return reason === undefined ? c.json({ status: 'ready' }) : c.json({ status: 'not ready', reason }, 503);
  });
  if (resource !== undefined) {
    const paths = resourceMetadataPaths(resource);
    // By the path as it is written: a router would decode it, and take some of its characters for patterns.
    app.get(`${WELL_KNOWN}/*`, ({ req }, next) =>
      paths.includes(new URL(req.url).pathname)
        ? Promise.resolve(resourceMetadataResponse(resource))
        : next(),
    );
  }
  app.all('/mcp', (c) => mcp(c.req.raw, c.env));
  // Hono would print it on the console.
  app.onError((error) => bugResponse(error, onBug));
  app.notFound((c) => c.json({ error: 'Not found. The MCP endpoint is /mcp.' }, 404));
  return app;
}
