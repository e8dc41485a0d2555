import { createServer } from 'node:http';
import { announce } from './announce.ts';

/* The floor of what an open stream costs: a Node HTTP server that begins one on each GET, and leaves it open. */

const headers = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' };

const server = createServer((_, response) => {
  response.writeHead(200, headers);
  response.write('id: 1\ndata: \n\n');
});
server.listen(0, '127.0.0.1', () => announce(server));
