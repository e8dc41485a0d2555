import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server';
import type { NodeBindings } from '../adapters/http/mcp-handler.ts';
import {
  answerUnreadable,
  HEADERS_BYTES,
  malformedRequest,
  type ReadingError,
} from '../adapters/http/unreadable-request.ts';
import { within } from '../domain/within.ts';
import { FINISH_MS } from './defaults.ts';
import { hostInUrl } from './host-in-url.ts';
import { RequestsInTurn } from './requests-in-turn.ts';
import type { Service } from './service.ts';

/** For the errors that end unfinished calls to reach their clients. */
const FAREWELL_MS = 500;

export interface HttpServer {
  /** As a client writes it, e.g. `http://127.0.0.1:8060`. */
  readonly origin: string;
  /** Stops accepting, lets running calls finish, and ends with an error what takes too long. */
  stop(): Promise<void>;
}

/**
 * How long requests may take to arrive, in milliseconds, however they trickle, and answers to be read. What makes an
 * answer takes as long as it likes.
 */
export interface ArrivalTimes {
  readonly headersMs: number;
  /** The body included. */
  readonly requestMs: number;
  /** How often that is looked at. */
  readonly checkMs: number;
  /** How long a client may take nothing of an answer that is complete. */
  readonly unreadMs: number;
}

const ARRIVAL_TIMES: ArrivalTimes = {
  headersMs: 15_000,
  requestMs: 120_000,
  checkMs: 5_000,
  unreadMs: 100_000,
};

/** @throws the system's error, e.g. with code EADDRINUSE */
export async function listen(
  service: Service,
  address: { readonly host: string; readonly port: number },
  finishMs: number = FINISH_MS,
  arrival: ArrivalTimes = ARRIVAL_TIMES,
): Promise<HttpServer> {
  let stopping = false;
  const listener = getRequestListener(
    async (request, node) => {
      const response = await service.app.fetch(request, node as NodeBindings);
      // A connection that stays open would hold up the stop, and send its next request to a dying instance.
      if (stopping) (node as HttpBindings).outgoing.shouldKeepAlive = false;
      return response;
    },
    {
      // The app itself never fails: what it does not foresee, it answers.
      errorHandler: (error) =>
        error instanceof RequestError ? malformedRequest() : new Response(null, { status: 500 }),
    },
  );
  const limits = {
    maxHeaderSize: HEADERS_BYTES,
    headersTimeout: arrival.headersMs,
    requestTimeout: arrival.requestMs,
    connectionsCheckingInterval: arrival.checkMs,
  };
  const requests = new RequestsInTurn((request, response) => void listener(request, response));
  const server = createServer(limits, (request, response) => {
    // Node ends the connection then, or waits for its next request instead.
    response.once('prefinish', () => request.socket.setTimeout(arrival.unreadMs));
    requests.add(request, response);
  });
  // Node would leave out what comes behind the 2,000th, an Origin for example. Their size is limited anyway.
  server.maxHeadersCount = 0;
  server.on('clientError', (error: ReadingError, socket: Duplex) => {
    const { request, response } = requests.current(socket) ?? {};
    // What cannot be read comes behind a request that has yet to be answered: that answer is the last one.
    if (request?.complete && response?.headersSent === false && socket.writable) {
      response.shouldKeepAlive = false;
      return;
    }
    void answerUnreadable(error, socket, response?.headersSent === true);
  });
  server.listen(address.port, address.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://${hostInUrl(address.host)}:${port}`,
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
