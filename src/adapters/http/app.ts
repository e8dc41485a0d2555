import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Hono } from 'hono';
import { DurableMcpError } from '../../domain/errors.ts';
import type { JsonRpcId, McpEndpoint } from '../../ports/mcp-endpoint.ts';
import { errorResponse, RequestRefused } from './errors.ts';
import { assertAddressedToUs, type Exposure } from './exposure.ts';
import { McpRoute } from './mcp-route.ts';

export interface HttpAppOptions {
  readonly endpoint: McpEndpoint;
  readonly exposure: Exposure;
  /** Largest request body in bytes. */
  readonly bodyBytes: number;
  /** Whether requests should be sent here: `undefined`, or the reason why not. */
  readonly notReady: () => Promise<string | undefined>;
  /** Told of errors that nobody foresaw, with the reference that the client was given. */
  readonly onBug: (error: unknown, reference: string) => void;
  /** Told of requests that were answered with 503 because of the store. */
  readonly onStoreError: (error: DurableMcpError) => void;
}

type Environment = { Bindings: { incoming?: IncomingMessage }; Variables: { requestId?: JsonRpcId } };

/** The service over HTTP. `fetch` of the returned app is a web-standard handler. */
export function httpApp(options: HttpAppOptions): Hono<Environment> {
  const mcp = new McpRoute(options.endpoint, options);
  const app = new Hono<Environment>();

  // Probes come from a balancer under any name, and tell nothing about sessions.
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    const reason = await options.notReady();
    return reason === undefined ? c.json({ status: 'ready' }) : c.json({ status: 'not ready', reason }, 503);
  });

  app.use('/mcp', async (c, next) => {
    assertAddressedToUs(c.req.raw.headers, options.exposure);
    await next();
  });
  app.post('/mcp', (c) => mcp.post(c.req.raw, c.env?.incoming, (id) => c.set('requestId', id)));
  app.delete('/mcp', (c) => mcp.delete(c.req.raw));
  app.all('/mcp', () => mcp.notAllowed());

  app.notFound((c) => c.json({ error: 'Not found. The MCP endpoint is /mcp.' }, 404));
  app.onError((error, c) => {
    const requestId = c.get('requestId');
    if (error instanceof RequestRefused) return errorResponse(error.problem, error.message);
    if (error instanceof DurableMcpError) {
      if (error.code === 'store_unavailable' || error.code === 'store_not_set_up')
        options.onStoreError(error);
      return errorResponse(error.code, error.message, requestId);
    }
    const reference = randomUUID();
    options.onBug(error, reference);
    return errorResponse('internal', `Internal error. Reference: ${reference}`, requestId);
  });
  return app;
}
