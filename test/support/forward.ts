import { type IncomingMessage, request as open, type ServerResponse } from 'node:http';

/** They concern one connection only (RFC 9110 §7.6.1). Transfer-Encoding stays: the message keeps its framing. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade']);

/**
 * Hands a request to `upstream` and streams both bodies as they come. When either side breaks off, the other side's
 * connection is destroyed: a polite end would make a broken answer look complete.
 *
 * @param options.losesAnswer breaks off once the upstream answers, and passes nothing on
 * @returns once it is clear who answers: `false` if the upstream accepts no connections, and nothing of the
 * request's body was read; else `true`, and `response` is taken care of, with 502 if nothing came back
 */
export function forward(
  request: IncomingMessage,
  response: ServerResponse,
  upstream: string,
  { losesAnswer = false }: { readonly losesAnswer?: boolean } = {},
): Promise<boolean> {
  const { hostname, port } = new URL(upstream);
  const outgoing = open({
    hostname,
    port,
    method: request.method,
    path: request.url,
    headers: endToEnd(request.rawHeaders),
    setHost: false,
    // A connection of its own: one kept alive may be dead already, and its request could not be repeated.
    agent: false,
  });
  response.once('close', () => {
    if (!response.writableFinished) outgoing.destroy();
  });
  return new Promise((resolve) => {
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') return resolve(false);
      resolve(true);
      breakOff(response);
    });
    outgoing.on('response', (incoming) => {
      if (losesAnswer) response.destroy();
      else answer(incoming, response);
    });
    outgoing.once('socket', (socket) => {
      socket.setNoDelay(true);
      socket.once('connect', () => {
        resolve(true);
        outgoing.flushHeaders();
        // Not earlier: bytes that were read could not go to another upstream.
        request.pipe(outgoing);
      });
    });
  });
}

function answer(incoming: IncomingMessage, response: ServerResponse): void {
  incoming.on('error', () => breakOff(response));
  response.writeHead(
    incoming.statusCode ?? 502,
    incoming.statusMessage,
    endToEnd(incoming.rawHeaders) as string[],
  );
  // An event stream's client waits for the head, which may come long before the first event.
  response.flushHeaders();
  incoming.pipe(response);
}

function breakOff(response: ServerResponse): void {
  if (response.destroyed) return;
  if (response.headersSent) response.destroy();
  else response.writeHead(502).end('the upstream broke off before it answered');
}

/** Names and values in turn, as Node has them raw: repeated headers stay apart. */
function endToEnd(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name, value] = rawHeaders.slice(at, at + 2) as [string, string];
    if (!HOP_BY_HOP.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
