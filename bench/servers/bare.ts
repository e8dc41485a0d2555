import { createServer } from 'node:http';
import { announce } from './announce.ts';

/*
 * The ceiling of the machine and of the loader: an HTTP server that reads what was sent and answers always the same,
 * of about the size of an answer of `get_value`.
 */

const structuredContent = {
  found: true,
  session_id: 's'.repeat(43),
  key: 'key-0',
  value: 'x'.repeat(100),
  version: 1,
};
const answer = Buffer.from(
  JSON.stringify({
    jsonrpc: '2.0',
    id: 0,
    result: { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent },
  }),
);
const headers = { 'Content-Type': 'application/json', 'Content-Length': answer.byteLength };

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (Buffer.concat(chunks).byteLength === 0) response.writeHead(400);
    else response.writeHead(200, headers);
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => announce(server));
