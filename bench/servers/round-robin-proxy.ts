import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
import { announce } from './announce.ts';

/*
 * Hands each request to the next of the upstreams, whatever session it belongs to. Bodies are streamed both ways, so
 * that event streams pass too. Arguments: the upstreams' origins.
 */

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'transfer-encoding',
]);

// A stream may be silent for as long as it likes.
const pools = process.argv.slice(2).map((origin) => new Pool(origin, { headersTimeout: 0, bodyTimeout: 0 }));
let turn = 0;

const server = createServer((request, response) => {
  turn = (turn + 1) % pools.length;
  const hasBody = request.method === 'POST';
  pools[turn]?.dispatch(
    {
      method: request.method as Dispatcher.HttpMethod,
      path: request.url ?? '/',
      headers: endToEnd(request),
      body: hasBody ? request : null,
    },
    relayTo(response),
  );
});
server.listen(0, '127.0.0.1', () => announce(server));

function endToEnd(request: IncomingMessage): string[] {
  const kept: string[] = [];
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string' && !HOP_BY_HOP.has(name)) kept.push(name, value);
  }
  return kept;
}

function relayTo(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart: (controller) => {
      response.once('close', () => {
        if (!response.writableFinished) controller.abort(new Error('the client hung up'));
      });
      response.on('drain', () => controller.resume());
    },
    onResponseStart: (_, status, headers) => {
      const kept = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name));
      response.writeHead(status, Object.fromEntries(kept));
      // The client of an event stream waits for the head, which may come long before the first event.
      if (headers['content-length'] === undefined) response.flushHeaders();
    },
    onResponseData: (controller, chunk) => {
      if (!response.write(chunk)) controller.pause();
    },
    onResponseEnd: () => {
      response.end();
    },
    onResponseError: (_, error) => {
      // A polite end would make a broken answer look complete.
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end(error.message);
    },
  };
}
