import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import type { NodeBindings } from '../adapters/http/mcp-handler.ts';
import { within } from '../domain/within.ts';
import { FINISH_MS } from './defaults.ts';
import type { Service } from './service.ts';

/** For the errors that end unfinished calls to reach their clients. */
const FAREWELL_MS = 500;

export interface HttpServer {
  /** As a client writes it, e.g. `http://127.0.0.1:8060`. */
  readonly origin: string;
  /** Stops accepting, lets running calls finish, and ends with an error what takes too long. */
  stop(): Promise<void>;
}

/** @throws the system's error, e.g. with code EADDRINUSE */
export async function listen(
  service: Service,
  address: { readonly host: string; readonly port: number },
  finishMs: number = FINISH_MS,
): Promise<HttpServer> {
  let stopping = false;
  const server = createAdaptorServer({
    fetch: async (request, node) => {
      const response = await service.app.fetch(request, node as NodeBindings);
      // A connection that stays open would hold up the stop, and send its next request to a dying instance.
      if (stopping) (node as HttpBindings).outgoing.shouldKeepAlive = false;
      return response;
    },
  }) as Server;
  server.listen(address.port, address.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return {
    origin: `http://${host}:${port}`,
    stop: async () => {
      stopping = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Streams would never end by themselves; their calls go on, and their clients find the rest elsewhere.
      service.mcp.endStreams();
      await within(service.mcp.idle(), finishMs);
      await service.mcp.stop();
      await within(closed, FAREWELL_MS);
      server.closeAllConnections();
      await closed;
    },
  };
}
